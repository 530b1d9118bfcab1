#include "agents/gateway/allowlist.h"

namespace podium::agents {
namespace {

constexpr std::string_view kChat = R"json({
  "root": {
    "model": "text", "messages": ["@message"], "stream": "value",
    "stream_options": {"include_usage": "value", "include_obfuscation": "value"},
    "tools": ["@tool"], "tool_choice": {"?": ["text", "@choice"]}, "parallel_tool_calls": "value",
    "functions": [{"name": "text", "description": "text", "parameters": "any"}],
    "function_call": {"?": ["text", {"name": "text"}]},
    "response_format": {"type": "text", "json_schema": "any", "schema": "any"},
    "max_tokens": "positive", "max_completion_tokens": "positive", "n": "positive",
    "temperature": "value", "top_p": "value", "top_k": "value", "min_p": "value",
    "stop": "values", "seed": "value", "presence_penalty": "value", "frequency_penalty": "value",
    "repetition_penalty": "value", "logit_bias": "any", "logprobs": "value",
    "top_logprobs": "value", "reasoning_effort": "value", "verbosity": "value",
    "modalities": ["=text"], "enable_thinking": "value",
    "chat_template_kwargs": {"enable_thinking": "value", "thinking": "value"},
    "store": "false", "background": "never", "metadata": "drop", "user": "drop",
    "service_tier": "drop", "prompt_cache_key": "drop", "prompt_cache_retention": "drop",
    "safety_identifier": "drop"
  },
  "message": {
    "role": "text", "content": {"?": ["text", ["@part"]]}, "name": "text", "refusal": "text",
    "tool_calls": [{"id": "text", "type": "function|custom", "index": "value",
                    "function": {"name": "text", "arguments": "text"},
                    "custom": {"name": "text", "input": "text"}}],
    "tool_call_id": "text", "function_call": {"name": "text", "arguments": "text"},
    "reasoning_content": "text", "reasoning": "text", "annotations": []
  },
  "part": {"by": "type", "refuse": "input_not_allowed", "of": {
    "text": {"type": "text", "text": "text"},
    "refusal": {"type": "text", "refusal": "text"},
    "image_url": {"type": "text", "image_url": {"url": "data", "detail": "text"}},
    "file": {"type": "text", "file": {"file_data": "data", "filename": "text"}}
  }},
  "tool": {"by": "type", "refuse": "tool_not_allowed", "of": {
    "function": {"type": "text", "function": {"name": "text", "description": "text",
                 "parameters": "any", "strict": "value"}},
    "custom": {"type": "text", "custom": {"name": "text", "description": "text", "format": "any"}}
  }},
  "choice": {"by": "type", "refuse": "tool_not_allowed", "of": {
    "function": {"type": "text", "function": {"name": "text"}},
    "custom": {"type": "text", "custom": {"name": "text"}}
  }}
})json";

constexpr std::string_view kResponses = R"json({
  "root": {
    "model": "text", "input": {"?": ["text", ["@item"]]}, "instructions": "text",
    "stream": "value", "stream_options": {"include_obfuscation": "value"},
    "tools": ["@tool"], "tool_choice": {"?": ["text", "@choice"]}, "parallel_tool_calls": "value",
    "max_output_tokens": "positive", "max_tool_calls": "value", "temperature": "value",
    "top_p": "value", "top_logprobs": "value", "truncation": "text",
    "reasoning": {"effort": "text", "summary": "text", "generate_summary": "text"},
    "text": {"format": "any", "verbosity": "text"},
    "include": ["reasoning.encrypted_content|message.output_text.logprobs"],
    "store": "false", "background": "never", "metadata": "drop", "user": "drop",
    "service_tier": "drop", "prompt_cache_key": "drop", "prompt_cache_retention": "drop",
    "safety_identifier": "drop"
  },
  "item": {"by": "type", "else": "message", "whole": ["role", "content"], "refuse": "input_not_allowed", "of": {
    "message": {"type": "text", "role": "text", "content": {"?": ["text", ["@part"]]},
                "id": "text", "status": "text", "phase": "text"},
    "function_call": {"type": "text", "id": "text", "call_id": "text", "name": "text",
                      "arguments": "text", "status": "text"},
    "function_call_output": {"type": "text", "id": "text", "call_id": "text", "status": "text",
                             "output": {"?": ["text", ["@part"]]}},
    "custom_tool_call": {"type": "text", "id": "text", "call_id": "text", "name": "text",
                         "input": "text", "status": "text"},
    "custom_tool_call_output": {"type": "text", "id": "text", "call_id": "text",
                                "status": "text", "output": {"?": ["text", ["@part"]]}},
    "reasoning": {"type": "text", "id": "text", "summary": ["@part"], "content": ["@part"],
                  "encrypted_content": "text", "status": "text"}
  }},
  "part": {"by": "type", "refuse": "input_not_allowed", "of": {
    "input_text": {"type": "text", "text": "text"},
    "output_text": {"type": "text", "text": "text", "annotations": [], "logprobs": []},
    "summary_text": {"type": "text", "text": "text"},
    "reasoning_text": {"type": "text", "text": "text"},
    "refusal": {"type": "text", "refusal": "text"},
    "input_image": {"type": "text", "image_url": "data", "detail": "text"},
    "input_file": {"type": "text", "file_data": "data", "filename": "text"}
  }},
  "tool": {"by": "type", "refuse": "tool_not_allowed", "of": {
    "function": {"type": "text", "name": "text", "description": "text", "parameters": "any",
                 "strict": "value"},
    "custom": {"type": "text", "name": "text", "description": "text", "format": "any"}
  }},
  "choice": {"by": "type", "refuse": "tool_not_allowed", "of": {
    "function": {"type": "text", "name": "text"},
    "custom": {"type": "text", "name": "text"}
  }}
})json";

constexpr std::string_view kEmbeddings = R"json({
  "root": {
    "model": "text", "input": "values", "dimensions": "value", "encoding_format": "text",
    "user": "drop"
  }
})json";

constexpr std::string_view kCompletions = R"json({
  "root": {
    "model": "text", "prompt": "values", "suffix": "text", "max_tokens": "positive",
    "n": "positive", "best_of": "positive", "temperature": "value", "top_p": "value",
    "top_k": "value", "min_p": "value", "stop": "values", "seed": "value", "logprobs": "value",
    "echo": "value", "presence_penalty": "value", "frequency_penalty": "value",
    "repetition_penalty": "value", "logit_bias": "any", "stream": "value",
    "stream_options": {"include_usage": "value", "include_obfuscation": "value"}, "user": "drop"
  }
})json";

constexpr std::string_view kMessages = R"json({
  "root": {
    "model": "text", "messages": ["@message"], "system": {"?": ["text", ["@block"]]},
    "max_tokens": "positive", "temperature": "value", "top_p": "value", "top_k": "value",
    "stop_sequences": "values", "stream": "value", "tools": ["@tool"],
    "tool_choice": {"type": "auto|any|tool|none", "name": "text",
                    "disable_parallel_tool_use": "value"},
    "thinking": {"type": "text", "budget_tokens": "positive", "display": "text"},
    "output_config": {"effort": "text", "format": "any"}, "output_format": "any",
    "cache_control": "@cache",
    "background": "never", "metadata": "drop", "service_tier": "drop"
  },
  "message": {"role": "text", "content": {"?": ["text", ["@block"]]}},
  "cache": {"type": "ephemeral", "ttl": "5m"},
  "block": {"by": "type", "refuse": "input_not_allowed", "of": {
    "text": {"type": "text", "text": "text", "cache_control": "@cache", "citations": []},
    "image": {"type": "text", "source": "@source", "cache_control": "@cache"},
    "document": {"type": "text", "source": "@source", "title": "text", "context": "text",
                 "citations": {"enabled": "value"}, "cache_control": "@cache"},
    "tool_use": {"type": "text", "id": "text", "name": "text", "input": "any",
                 "cache_control": "@cache"},
    "tool_result": {"type": "text", "tool_use_id": "text", "is_error": "value",
                    "content": {"?": ["text", ["@block"]]}, "cache_control": "@cache"},
    "thinking": {"type": "text", "thinking": "text", "signature": "text"},
    "redacted_thinking": {"type": "text", "data": "text"}
  }},
  "source": {"by": "type", "refuse": "input_not_allowed", "of": {
    "base64": {"type": "text", "media_type": "text", "data": "text"},
    "text": {"type": "text", "media_type": "text", "data": "text"},
    "content": {"type": "text", "content": {"?": ["text", ["@block"]]}}
  }},
  "tool": {"by": "type", "else": "custom", "refuse": "tool_not_allowed", "of": {
    "custom": {"type": "text", "name": "text", "description": "text", "input_schema": "any",
               "cache_control": "@cache", "strict": "value", "input_examples": "any"}
  }}
})json";

constexpr std::string_view kGemini = R"json({
  "root": {
    "contents": {"?": ["@content", ["@content"]]}, "systemInstruction": "@content",
    "tools": [{"refuse": "tool_not_allowed", "functionDeclarations": [
      {"name": "text", "description": "text", "parameters": "any", "parametersJsonSchema": "any",
       "response": "any", "responseJsonSchema": "any", "behavior": "text"}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "text", "allowedFunctionNames": ["text"]}},
    "generationConfig": {
      "temperature": "value", "topP": "value", "topK": "value", "maxOutputTokens": "positive",
      "stopSequences": ["text"], "seed": "value", "candidateCount": "positive",
      "responseMimeType": "text", "responseSchema": "any", "responseJsonSchema": "any",
      "presencePenalty": "value", "frequencyPenalty": "value", "responseLogprobs": "value",
      "logprobs": "value", "responseModalities": ["TEXT|text"], "mediaResolution": "text",
      "thinkingConfig": {"thinkingBudget": "value", "includeThoughts": "value",
                         "thinkingLevel": "text"}},
    "safetySettings": [{"category": "text", "threshold": "text", "method": "text"}],
    "labels": "drop"
  },
  "content": {"role": "text", "parts": ["@part"]},
  "media": "image/png|image/jpeg|image/webp|image/heic|image/heif|application/pdf|text/plain",
  "part": {
    "refuse": "input_not_allowed", "text": "text",
    "inlineData": {"mimeType": "@media", "data": "text", "displayName": "text"},
    "functionCall": {"id": "text", "name": "text", "args": "any"},
    "functionResponse": {"id": "text", "name": "text", "response": "any"},
    "thought": "value", "thoughtSignature": "text"
  }
})json";

}  // namespace

std::string_view AllowlistJson(Format format) {
  switch (format) {
    case Format::kChat:
      return kChat;
    case Format::kResponses:
      return kResponses;
    case Format::kEmbeddings:
      return kEmbeddings;
    case Format::kCompletions:
      return kCompletions;
    case Format::kMessages:
      return kMessages;
    case Format::kGemini:
      return kGemini;
  }
  return {};
}

}  // namespace podium::agents
