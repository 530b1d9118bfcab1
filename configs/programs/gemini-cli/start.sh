cd /home/code
mkdir -p ~/.gemini
echo '{"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": false}}' > ~/.gemini/settings.json
gemini --yolo --skip-trust --model "$LLM_MODEL" --prompt "$(cat /home/instructions.txt)"
