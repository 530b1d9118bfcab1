# AIDE writes below its own folder; what it holds for its best solution is handed in whenever it changes, so that the end of the time finds it.
set -u
cd /home/code
hand_in() {
  best=$(ls -t workspaces/*/working/submission.csv workspaces/*/*/submission.csv 2>/dev/null | head -1)
  [ -n "$best" ] && cp "$best" "$SUBMISSION_DIR/submission.csv"
}
while sleep 5; do hand_in; done &
# Its report asks Chat Completions for a field of another format, so it is left out.
aide data_dir=/home/data desc_file=/home/data/description.md exp_name=exp generate_report=False \
  log_dir="$LOGS_DIR" workspace_dir=/home/code/workspaces "$@"
status=$?
kill %1
hand_in
exit $status
