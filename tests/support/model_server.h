#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace podium::tests {

struct ScriptedReply {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds delay{0};
  bool hang_up = false;                       // close the connection without an answer
  std::optional<std::size_t> cut_after = {};  // bytes of the body, then the connection is closed
  std::chrono::milliseconds drip{0};          // pause after each byte of the body
};

struct ReceivedRequest {
  std::string target;
  std::string authorization;
  std::string body;
};

// An HTTP server on a free port of 127.0.0.1 that answers POST requests by a script: `answer` gets
// the number of the request (from 0) and the request. One thread, one connection at a time as Chat
// Completions clients use it. Destruction stops and joins.
class ModelServer {
 public:
  using Answer = std::function<ScriptedReply(int number, const ReceivedRequest& request)>;
  explicit ModelServer(Answer answer);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  [[nodiscard]] std::string base_url() const;  // "http://127.0.0.1:PORT/v1"
  [[nodiscard]] std::vector<ReceivedRequest> requests() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A streamed Chat Completions answer: text in pieces, or a tool call whose arguments come in
// pieces; then usage and [DONE].
ScriptedReply StreamedText(const std::string& text, const std::string& finish_reason = "stop");
ScriptedReply StreamedToolCall(const std::string& name, const std::string& arguments);
// The same as one JSON object, as servers send that do not stream.
ScriptedReply WholeText(const std::string& text);

}  // namespace podium::tests
