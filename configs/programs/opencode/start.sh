cd /home/code
# A provider of our own: opencode's list of models comes from a site that there is not here.
cat > opencode.json <<JSON
{"\$schema": "https://opencode.ai/config.json", "share": "disabled", "autoupdate": false,
 "permission": {"edit": "allow", "bash": "allow", "webfetch": "allow", "external_directory": "allow", "doom_loop": "allow"},
 "provider": {"gateway": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": "$OPENAI_BASE_URL", "apiKey": "$OPENAI_API_KEY"},
  "models": {"$LLM_MODEL": {"tool_call": true, "limit": {"context": 128000, "output": 16384}}}}}}
JSON
opencode run --model "gateway/$LLM_MODEL" "$(cat /home/instructions.txt)"
