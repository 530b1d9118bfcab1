// What an agent sends to the ports of its container.
#include <algorithm>

#include "agents/gateway/policy.h"
#include "agents/gateway/translated_answer.h"
#include "agents/models/wire/decode.h"
#include "agents/models/wire/registry.h"
#include "agents/models/wire/usage_reader.h"
#include "agents/programs/acp_protocol.h"
#include "agents/validator/multipart.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/build/registry_proxy.h"
#include "sandbox/images/recipe_lock.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace podium::fuzz {
namespace {

// A request of Chat Completions in the other formats' words.
void Translate(const agents::Screened& screened) {
  for (const char* name : {"messages", "gemini"}) {
    const agents::WireFormat& to = *agents::FindWireFormat(name);
    (void)agents::AskOf(to, screened);
    auto translated = agents::TranslateRequest(to, screened);
    if (!translated) continue;
    Require(translated->facts.answers == 1, "one answer is asked for");
    Require(translated->facts.stream == screened.facts.stream, "as it was asked for");
    Require(agents::FinishBody(to, *translated, {"upstream", "", 7}).starts_with('{'),
            "it is an object");
  }
}

std::string Streamed(const agents::WireFormat& format, std::string_view first,
                     std::string_view second) {
  agents::TranslatedStream stream(format, {"m", "1", "answer", true});
  std::string out = stream.Add(first);
  out += stream.Add(second);
  return out + stream.End();
}

// What a provider sent as Chat Completions has it.
void TranslateBack(const agents::WireFormat& format, std::string_view bytes) {
  if (format.name() != "messages" && format.name() != "gemini") return;
  for (int status : {200, 400}) {
    auto whole = agents::TranslateAnswer(format, {"m", "1", "", false}, status, bytes);
    Require(whole.body.starts_with('{'), "an answer is an object");
  }
  std::size_t half = bytes.size() / 2;
  Require(
      Streamed(format, bytes, "") == Streamed(format, bytes.substr(0, half), bytes.substr(half)),
      "chunks do not depend on where pieces end");
}

}  // namespace

// The first line is the Content-Type, the rest the body.
void Form(std::string_view bytes) {
  std::size_t line = std::min(bytes.find('\n'), bytes.size());
  std::string_view type = bytes.substr(0, line);
  std::string_view body = bytes.substr(std::min(line + 1, bytes.size()));
  auto file = agents::FindFormFile(type, body, "file");
  if (!file) return;
  Require(file->content.data() >= body.data() &&
              file->content.data() + file->content.size() <= body.data() + body.size(),
          "a file's content lies in the body");
  Require(file->file_name.find('/') == std::string_view::npos && file->file_name != "..",
          "a file's name is no path");
}

// The first byte chooses the format, the rest is the request's body.
void Request(std::string_view bytes) {
  if (bytes.empty()) return;
  auto formats = agents::WireFormats();
  const agents::WireFormat& format =
      *formats[static_cast<unsigned char>(bytes[0]) % formats.size()];
  auto screened = agents::Screen(format, bytes.substr(1));
  if (screened) {
    auto again = agents::Screen(format, screened->body);
    Require(again.has_value(), "what passed passes again");
    Require(again->body == screened->body, "and nothing more is taken from it");
    Require(again->facts.output_limit == screened->facts.output_limit &&
                again->facts.answers == screened->facts.answers,
            "and is as large");
    if (format.name() == "chat") Translate(*screened);
    Require(agents::MostInput(*screened, 1, 1'000'000) > 0, "a prompt has tokens");
    agents::Finish finish{"upstream", "max_tokens", format.traits().answers ? 7 : 0};
    auto finished = agents::Screen(format, agents::FinishBody(format, *screened, finish));
    Require(finished.has_value(), "what is sent upstream would pass too");
  }
  for (bool events : {false, true}) {
    agents::UsageReader reader(format, events);
    reader.Add(bytes.substr(1, bytes.size() / 2));
    reader.Add(bytes.substr(1 + bytes.size() / 2 < bytes.size() ? 1 + bytes.size() / 2 : 1));
    if (auto used = reader.End())
      Require(used->input >= 0 && used->output >= 0 && used->cached >= 0, "tokens are counted up");
  }
}

// The first byte chooses the format, the rest is what a provider answered.
void Answer(std::string_view bytes) {
  if (bytes.empty()) return;
  auto formats = agents::WireFormats();
  const agents::WireFormat& format =
      *formats[static_cast<unsigned char>(bytes[0]) % formats.size()];
  if (!format.converses()) return;
  TranslateBack(format, bytes.substr(1));
  auto reply = agents::DecodeAnswer(format, bytes.substr(1));
  if (!reply) return;
  auto again = agents::DecodeAnswer(format, format.EncodeReply(*reply));
  Require(again.has_value(), "what was read is written so that it is read again");
  Require(again->calls.size() == reply->calls.size(), "with all its calls");
}

// What an agent that speaks the Agent Client Protocol writes, line by line; the first byte chooses
// how its requests are answered.
void Acp(std::string_view bytes) {
  if (bytes.empty()) return;
  agents::AcpProtocol protocol(bytes[0] % 2 == 0 ? agents::AcpPermission::kAllow
                                                 : agents::AcpPermission::kReject);
  std::string first = protocol.Initialize();
  for (auto line : Split(bytes.substr(1), '\n')) {
    auto taken = protocol.Take(line);
    for (const auto& reply : taken.send) {
      Require(reply.find('\n') + 1 == reply.size(), "a reply is one line");
      Require(ParseJson(reply, "reply").has_value(), "and a message");
    }
    for (const auto& note : taken.notes) Require(note.text.size() < 20'000, "a note is short");
  }
}

// What a package's client in a build's sandbox sends to the registries' proxy.
void Proxy(std::string_view bytes) {
  auto request = sandbox::ParseProxyRequest(std::string(bytes));
  if (!request) return;
  Require(!request->to.name.empty() && request->to.port > 0 && request->to.port < 65'536,
          "it says where it goes");
  Require(request->to.name.find_first_of(" /@\r\n") == std::string::npos, "a host is a plain name");
  if (!request->tunnel)
    Require(request->head.ends_with("\r\n\r\n"), "what is sent is a whole head");
}

// A lock beside a recipe, which somebody else may have sent, or what npm wrote into a sandbox.
void Lock(std::string_view bytes) {
  (void)sandbox::NpmPackages(std::string(bytes));
  auto lock = sandbox::ParseLock(std::string(bytes), "lock");
  if (!lock) return;
  std::string text = sandbox::LockText(*lock);
  auto again = sandbox::ParseLock(text, "lock");
  Require(again.has_value(), "what was read can be written");
  Require(sandbox::LockText(*again) == text, "and is the same");
  Require(sandbox::Differences(*lock, *again).empty(), "and does not differ");
}

}  // namespace podium::fuzz
