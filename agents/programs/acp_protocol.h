#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace podium::agents {

// How a program's requests for permission are answered. The sandbox bounds it either way.
enum class AcpPermission { kAllow, kReject };

// The answer to the client's last request.
struct AcpAnswer {
  std::string error;        // what the agent said went wrong; else ""
  std::string session;      // of session/new
  std::string stop_reason;  // of session/prompt: "end_turn", "max_tokens", ...
};

// Something that an agent says it does: "agent_message_chunk" with its text, "tool_call" with its
// title, "permission" with what was asked and chosen.
struct AcpNote {
  std::string kind, text;
};

struct AcpTaken {
  std::vector<std::string> send;  // lines for the agent
  std::vector<AcpNote> notes;
  std::optional<AcpAnswer> answer;
};

// The client's side of the Agent Client Protocol (version 1: JSON-RPC 2.0, a message a line), as
// values. It offers neither files nor terminals: the agent has its own in the sandbox. Texts are
// lines with their end.
class AcpProtocol {
 public:
  explicit AcpProtocol(AcpPermission permission) : permission_(permission) {}

  [[nodiscard]] std::string Initialize();
  [[nodiscard]] std::string NewSession(const std::string& folder);
  [[nodiscard]] std::string Prompt(const std::string& session, const std::string& text);

  // What comes of a line that the agent wrote; of one that is no message a note, and nothing else.
  [[nodiscard]] AcpTaken Take(std::string_view line);

 private:
  AcpPermission permission_;
  int last_id_ = 0;
};

}  // namespace podium::agents
