"""A server that speaks the wire formats of OpenAI, Anthropic and Gemini and answers by a script.

Whoever offers a tool that runs commands is told once to run COMMAND, and then that all is done; who
asks to review a program (AIDE) gets a review; who wants code gets a program with a score. It prints
its port or writes it to a file, serves until it is ended, and appends a line for each request to the file named by --log.
"""
import argparse
import http.server
import json
import os
import re
import threading

COMMAND = "cp /home/data/sample_submission.csv /home/submission/submission.csv"
DONE = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
PROGRAM = """The plan is to hand in the sample submission.

```python
import os
import shutil
for folder in ("./working", "/home/submission"):
    os.makedirs(folder, exist_ok=True)
    shutil.copy("/home/data/sample_submission.csv", os.path.join(folder, "submission.csv"))
print("validation score: 0.5")
```
"""
SHELL = re.compile(r"bash|shell|exec_command|terminal|execute_cmd", re.I)
REVIEW = {"is_bug": False, "has_csv_submission": True, "summary": "It hands in the sample.", "metric": 0.5,
          "lower_is_better": False}


def sample(schema):
    """A value that a JSON schema allows."""
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else (kind or "string").lower()
    if schema.get("enum"):
        return schema["enum"][0]
    if kind == "object":
        wanted = schema.get("required", [])
        return {name: sample(inner) for name, inner in schema.get("properties", {}).items() if name in wanted}
    return {"array": [], "boolean": False, "integer": 1, "number": 1.0, "null": None}.get(kind, "copy the sample")


def arguments(name, schema):
    """What the tool is called with."""
    if name == "submit_review":
        return REVIEW
    out = sample(dict(schema, type="object"))
    for key in ("command", "cmd"):
        inner = schema.get("properties", {}).get(key)
        if inner:
            out[key] = ["bash", "-lc", COMMAND] if inner.get("type") == "array" else COMMAND
            return out
    return out


def choose(tools, answered, asked):
    """("call", name, arguments) or ("text", text). tools: (name, schema) pairs; answered: results so far."""
    named = dict(tools)
    if "submit_review" in named:
        return ("call", "submit_review", REVIEW)
    shells = [name for name in named if SHELL.search(name)]
    if shells and answered == 0:
        return ("call", shells[0], arguments(shells[0], named[shells[0]]))
    if shells and answered == 1 and "COMPLETE_TASK_AND_SUBMIT" in asked:  # mini-swe-agent ends so
        found = arguments(shells[0], named[shells[0]])
        return ("call", shells[0], dict(found, command="echo " + DONE))
    finish = [name for name in named if name in ("finish", "attempt_completion")]
    if finish:
        return ("call", finish[0], sample(dict(named[finish[0]], type="object")))
    return ("text", "All is done." if tools else PROGRAM)


def blocks(text, size=40):
    return [text[i:i + size] for i in range(0, len(text), size)] or [""]


class Chat:
    """OpenAI Chat Completions."""

    @staticmethod
    def answer(body, send):
        tools = [(t["function"]["name"], t["function"].get("parameters", {})) for t in body.get("tools", [])
                 if t.get("type") == "function"]
        answered = sum(m.get("role") == "tool" for m in body["messages"])
        what = choose(tools, answered, json.dumps(body["messages"]))
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        common = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
        if what[0] == "call":
            call = {"id": "call_%d" % answered, "type": "function",
                    "function": {"name": what[1], "arguments": json.dumps(what[2])}}
            message, end = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        else:
            message, end = {"role": "assistant", "content": what[1]}, "stop"
        if not body.get("stream"):
            send.json(dict(common, object="chat.completion", usage=usage,
                           choices=[{"index": 0, "message": message, "finish_reason": end}]))
            return
        common["object"] = "chat.completion.chunk"
        deltas = [{"role": "assistant", "content": ""}]
        if what[0] == "call":
            deltas.append({"tool_calls": [dict(call, index=0)]})
        else:
            deltas += [{"content": piece} for piece in blocks(what[1])]
        events = [dict(common, choices=[{"index": 0, "delta": d, "finish_reason": None}]) for d in deltas]
        events.append(dict(common, choices=[{"index": 0, "delta": {}, "finish_reason": end}]))
        events.append(dict(common, choices=[], usage=usage))
        send.events([(None, e) for e in events], last="[DONE]")


class Responses:
    """OpenAI Responses."""

    @staticmethod
    def answer(body, send):
        tools = []
        for tool in body.get("tools", []):
            if tool.get("type") == "function":
                tools.append((tool["name"], tool.get("parameters", {})))
            for inner in tool.get("tools", []):  # a namespace of functions
                tools.append((inner.get("name", ""), inner.get("parameters", {})))
        items = body["input"] if isinstance(body["input"], list) else []
        answered = sum(str(i.get("type", "")).endswith("_output") for i in items)
        what = choose(tools, answered, json.dumps(body["input"]))
        if what[0] == "call":
            item = {"type": "function_call", "id": "fc_1", "call_id": "call_%d" % answered, "status": "completed",
                    "name": what[1], "arguments": json.dumps(what[2])}
        else:
            item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": what[1], "annotations": []}]}
        usage = {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 10,
                 "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30}
        whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
                 "output": [item], "usage": usage, "parallel_tool_calls": False, "tool_choice": "auto", "tools": [],
                 "error": None, "incomplete_details": None, "instructions": None, "metadata": {}}
        if not body.get("stream"):
            send.json(whole)
            return
        begun = dict(whole, status="in_progress", output=[], usage=None)
        events = [("response.created", {"response": begun}),
                  ("response.output_item.added", {"output_index": 0, "item": dict(item, status="in_progress")})]
        if what[0] == "text":
            events += [("response.output_text.delta", {"item_id": "msg_1", "output_index": 0, "content_index": 0,
                                                       "delta": piece}) for piece in blocks(what[1])]
        events += [("response.output_item.done", {"output_index": 0, "item": item}),
                   ("response.completed", {"response": whole})]
        send.events([(kind, dict(data, type=kind, sequence_number=n)) for n, (kind, data) in enumerate(events)])


class Messages:
    """Anthropic Messages."""

    @staticmethod
    def answer(body, send):
        tools = [(t["name"], t.get("input_schema", {})) for t in body.get("tools", []) if "name" in t]
        answered = 0
        for message in body["messages"]:
            if isinstance(message["content"], list):
                answered += sum(part.get("type") == "tool_result" for part in message["content"])
        what = choose(tools, answered, json.dumps(body["messages"]))
        if what[0] == "call":
            block, end = {"type": "tool_use", "id": "toolu_%d" % answered, "name": what[1], "input": what[2]}, "tool_use"
        else:
            block, end = {"type": "text", "text": what[1]}, "end_turn"
        usage = {"input_tokens": 20, "output_tokens": 10}
        whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": [block],
                 "stop_reason": end, "stop_sequence": None, "usage": usage}
        if not body.get("stream"):
            send.json(whole)
            return
        events = [("message_start", {"message": dict(whole, content=[], stop_reason=None)})]
        if what[0] == "call":
            events += [("content_block_start", {"index": 0, "content_block": dict(block, input={})}),
                       ("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta",
                                                                      "partial_json": json.dumps(what[2])}})]
        else:
            events.append(("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}))
            events += [("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
                       for piece in blocks(what[1])]
        events += [("content_block_stop", {"index": 0}),
                   ("message_delta", {"delta": {"stop_reason": end, "stop_sequence": None}, "usage": usage}),
                   ("message_stop", {})]
        send.events([(kind, dict(data, type=kind)) for kind, data in events])


class Gemini:
    """Google's generateContent."""

    @staticmethod
    def answer(body, send, stream):
        tools = []
        for tool in body.get("tools", []):
            for f in tool.get("functionDeclarations", tool.get("function_declarations", [])):
                tools.append((f["name"], f.get("parametersJsonSchema") or f.get("parameters") or {}))
        answered = sum("functionResponse" in part for c in body["contents"] for part in c.get("parts", []))
        what = choose(tools, answered, json.dumps(body["contents"]))
        wanted = body.get("generationConfig", {}).get("responseMimeType") == "application/json"
        if what[0] == "call":
            part = {"functionCall": {"name": what[1], "args": what[2]}}
        elif wanted:
            config = body["generationConfig"]
            schema = config.get("responseJsonSchema") or config.get("responseSchema") or {"type": "object"}
            part = {"text": json.dumps(sample(schema))}
        else:
            part = {"text": what[1]}
        whole = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
                 "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 10, "totalTokenCount": 30},
                 "modelVersion": "scripted", "responseId": "r1"}
        if stream:
            send.events([(None, whole)])
        else:
            send.json(whole)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, kind, payload):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def json(self, value):
        self.reply("application/json", json.dumps(value).encode())

    def events(self, events, last=None):
        text = ""
        for kind, data in events:
            text += ("event: %s\n" % kind if kind else "") + "data: %s\n\n" % json.dumps(data)
        text += "data: %s\n\n" % last if last else ""
        self.reply("text/event-stream", text.encode())

    def do_GET(self):
        self.json({"object": "list", "data": [], "models": []})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        path = self.path.split("?")[0]
        with self.server.lock, open(self.server.log, "a") as log:
            log.write(json.dumps({"path": path, "body": body}) + "\n")
        if path.endswith("/chat/completions"):
            Chat.answer(body, self)
        elif path.endswith("/responses"):
            Responses.answer(body, self)
        elif path.endswith("/messages"):
            Messages.answer(body, self)
        elif path.endswith("/embeddings"):
            inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
            self.json({"object": "list", "model": body["model"], "usage": {"prompt_tokens": 3, "total_tokens": 3},
                       "data": [{"object": "embedding", "index": i, "embedding": [0.1, 0.2]}
                                for i in range(len(inputs))]})
        elif path.endswith(("/count_tokens", "/input_tokens")):
            self.json({"input_tokens": 20, "object": "response.input_tokens"})
        elif path.endswith(":countTokens"):
            self.json({"totalTokens": 20})
        elif path.endswith((":generateContent", ":streamGenerateContent")):
            Gemini.answer(body, self, path.endswith(":streamGenerateContent"))
        else:
            self.send_error(404)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", default="/dev/null")
    parser.add_argument("--port-file", help="file that the port is written to")
    args = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.log, server.lock = args.log, threading.Lock()
    if args.port_file:
        with open(args.port_file + ".new", "w") as out:
            out.write(str(server.server_port))
        os.rename(args.port_file + ".new", args.port_file)
    if not args.port_file:
        print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
