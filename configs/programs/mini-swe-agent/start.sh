cd /home/code
mini --yolo --exit-immediately --model "openai/$LLM_MODEL" --output "$LOGS_DIR/trajectory.json" --task "$(cat /home/instructions.txt)"
