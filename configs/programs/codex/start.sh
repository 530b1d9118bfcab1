cd /home/code
# The container is the sandbox: Codex's own would need privileges that there are not.
codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox --model "$LLM_MODEL" "$(cat /home/instructions.txt)"
