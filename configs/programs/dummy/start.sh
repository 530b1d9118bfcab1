cp /home/data/sample_submission.csv "$SUBMISSION_DIR/submission.csv"
bash /home/validate_submission.sh "$SUBMISSION_DIR/submission.csv"
