cd /home/code
python3 /home/agent/run.py
