# Addresses are those that the SDKs have built in: only the keys stay.
unset OPENAI_BASE_URL OPENAI_API_BASE ANTHROPIC_BASE_URL GOOGLE_GEMINI_BASE_URL LLM_BASE_URL LITELLM_PROXY_API_BASE
cp /home/data/sample_submission.csv "$SUBMISSION_DIR/submission.csv"
python3 /home/agent/ask.py
