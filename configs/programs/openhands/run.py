"""OpenHands' default agent without a browser, in the container as it is."""
import os

from openhands.sdk import LLM, Conversation
from openhands.tools.preset.default import get_default_agent
from pydantic import SecretStr

llm = LLM(model="openai/" + os.environ["LLM_MODEL"], api_key=SecretStr(os.environ["LLM_API_KEY"]),
          base_url=os.environ["LLM_BASE_URL"], usage_id="agent")
conversation = Conversation(agent=get_default_agent(llm=llm, cli_mode=True), workspace="/home/code")
with open("/home/instructions.txt") as text:
    conversation.send_message(text.read())
conversation.run()
