cd /home/code
claude --print --dangerously-skip-permissions --model "$LLM_MODEL" "$(cat /home/instructions.txt)"
