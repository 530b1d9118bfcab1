"""Asks through each SDK; a line for each: ROW, name, version, what was asked, yes or no, why."""
import importlib.metadata


def row(name, asked, calls):
    version = importlib.metadata.version(name)
    done, why = [], ""
    for what, call in zip(asked.split(", "), calls):
        try:
            assert call(), "an empty answer"
            done.append(what)
        except Exception as e:  # every client has its own errors
            why += "%s: %s %s; " % (what, type(e).__name__, str(e)[:200].replace("\n", " "))
    print("\t".join(["ROW", name, version, asked, "no" if why else "yes", why]), flush=True)


def ask_openai():
    import openai
    c, m = openai.OpenAI(max_retries=0), "gpt-4.1"
    say = [{"role": "user", "content": "hi"}]
    tool = {"type": "function", "function": {"name": "bash", "parameters": {
        "type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}}}
    stream = lambda: "".join(e.choices[0].delta.content or ""
                             for e in c.chat.completions.create(model=m, messages=say, stream=True))
    row("openai", "chat, stream, forced tool, responses, embeddings, list of models", [
        lambda: c.chat.completions.create(model=m, messages=say).choices[0].message.content,
        stream,
        lambda: c.chat.completions.create(model=m, messages=say, tools=[tool], tool_choice={
            "type": "function", "function": {"name": "bash"}}).choices[0].message.tool_calls,
        lambda: c.responses.create(model=m, input="hi").output_text,
        lambda: c.embeddings.create(model="text-embedding-3-small", input="hi").data,
        lambda: list(c.models.list())])


def ask_anthropic():
    import anthropic
    c, m = anthropic.Anthropic(max_retries=0), "claude-haiku-4-5"
    say = [{"role": "user", "content": "hi"}]

    def stream():
        with c.messages.stream(model=m, max_tokens=100, messages=say) as s:
            return "".join(s.text_stream)
    row("anthropic", "messages, stream, counting", [
        lambda: c.messages.create(model=m, max_tokens=100, messages=say).content,
        stream,
        lambda: c.messages.count_tokens(model=m, messages=say).input_tokens])


def ask_google():
    from google import genai
    c, m = genai.Client(), "gemini-2.5-flash"
    row("google-genai", "generate, stream, counting, a model, list of models", [
        lambda: c.models.generate_content(model=m, contents="hi").text,
        lambda: "".join(e.text or "" for e in c.models.generate_content_stream(model=m, contents="hi")),
        lambda: c.models.count_tokens(model=m, contents="hi").total_tokens,
        lambda: c.models.get(model=m).name,
        lambda: list(c.models.list())])


def ask_litellm():
    import litellm
    say = [{"role": "user", "content": "hi"}]
    ask = lambda m: (lambda: litellm.completion(model=m, messages=say, num_retries=0).choices[0].message.content)
    row("litellm", "openai, anthropic, gemini", [
        ask("openai/gpt-4.1"), ask("anthropic/claude-haiku-4-5"), ask("gemini/gemini-2.5-flash")])


for one in (ask_openai, ask_anthropic, ask_google, ask_litellm):
    try:
        one()
    except Exception as e:
        print("\t".join(["ROW", one.__name__[4:], "-", "-", "no", "%s %s" % (type(e).__name__, str(e)[:200])]), flush=True)
