#include "agents/models/wire/model_fault.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>

#include "agents/models/wire/foreign_json.h"
#include "base/text.h"

namespace podium::agents {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view kOverflowWords[] = {
    "context_length_exceeded", "exceed_context_size",  "maximum context length",
    "prompt is too long",      "context window",       "exceeds the available context size",
    "input is too long",       "input token count",    "string_above_max_length",
    "too many tokens",         "reduce the length of", "model_max_prompt_tokens_exceeded"};
constexpr std::string_view kContentWords[] = {
    "content_filter",     "content filter",      "content_policy",   "content policy",
    "content management", "responsibleaipolicy", "invalid_prompt",   "data_inspection_failed",
    "content_safety",     "prohibited_content",  "safety system",    "moderation",
    "usage policies",     "sensitive_content",   "input was flagged"};
constexpr std::string_view kBillWords[] = {"insufficient_quota",     "billing_not_active",
                                           "billing_hard_limit",     "insufficient_balance",
                                           "exceeded_current_quota", "credit balance is too low",
                                           "account_deactivated"};
// Codes that mean: not now.
constexpr std::string_view kOutageWords[] = {
    "rate_limit", "ratelimit", "overload",          "server_error",      "internal",
    "timeout",    "capacity",  "api_error",         "too_many_requests", "resource_exhausted",
    "try_again",  "throttl",   "deadline_exceeded", "bad_gateway",       "unavailable"};
// The same in a message without a code.
constexpr std::string_view kOutagePhrases[] = {
    "rate limit",  "overloaded",          "too many requests",     "temporarily",
    "bad gateway", "service unavailable", "internal server error", "try again"};
struct CodeStatus {
  std::string_view word;
  int status;
};
constexpr CodeStatus kCodes[] = {
    {"authentication", 401},      {"invalid_api_key", 401}, {"unauthenticated", 401},
    {"unauthorized", 401},        {"permission", 403},      {"model_not_found", 404},
    {"not_found", 404},           {"invalid_request", 400}, {"invalid_argument", 400},
    {"unsupported", 400},         {"bad_request", 400},     {"badrequest", 400},
    {"failed_precondition", 400}, {"context_length", 400}};

// Fields that a request can do without, longest names first.
constexpr std::string_view kFields[] = {
    "stream_options", "reasoning_effort", "response_format", "max_tokens", "temperature",
    "tool_choice",    "stream",           "tools",           "seed"};
constexpr std::string_view kComplaints[] = {
    "unsupported",   "not support",     "unrecognized",     "unknown",
    "not permitted", "not allowed",     "unexpected",       "extra",
    "deprecated",    "does not accept", "only the default", "additional propert",
    "incompatible",  "not available",   "requires",         "no longer"};

bool HasAny(std::string_view text, Words words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

bool IsNameCharacter(char c) {
  return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool HasWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    std::size_t end = at + word.size();
    bool begins = at == 0 || !IsNameCharacter(text[at - 1]);
    if (begins && (end == text.size() || !IsNameCharacter(text[end]))) return true;
  }
  return false;
}

// What an error says of itself, in lower case.
struct Report {
  int code = 0;         // as a status; 0: none
  std::string words;    // codes, types and statuses
  std::string message;  // all of it
  std::string param;
};

int AsStatus(const std::string& text) {
  bool digits = text.size() == 3 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::stoi(text) : 0;
}

void Read(const Json& error, Report& out) {
  if (error.is_string()) out.message += " " + Lower(error.get<std::string>());
  if (!error.is_object()) return;
  out.message += " " + Lower(DumpJson(error));
  for (const char* key : {"code", "status", "type"}) {
    std::string text = ForeignText(error, key);
    if (out.code == 0) out.code = AsStatus(text);
    out.words += " " + Lower(text);
  }
  if (out.param.empty()) out.param = Lower(ForeignText(error, "param"));
  for (const char* key : {"innererror", "inner_error"}) {
    if (auto inner = error.find(key); inner != error.end()) Read(*inner, out);
  }
}

Report ReportOf(std::string_view body) {
  Report out;
  auto json = ParseForeignJson(body, "an error");
  if (!json) {
    out.message = Lower(body);
    return out;
  }
  const Json& whole = json->is_array() && !json->empty() ? json->front() : *json;
  auto error = whole.is_object() ? whole.find("error") : whole.end();
  if (whole.is_object() && error != whole.end() && !error->is_null()) Read(*error, out);
  Read(whole, out);
  return out;
}

int StatusOf(const Report& report) {
  if (report.code >= 400) return report.code;
  if (HasAny(report.words, kOutageWords)) return 503;
  for (const auto& [word, status] : kCodes) {
    if (report.words.find(word) != std::string::npos) return status;
  }
  return HasAny(report.message, kOutagePhrases) ? 503 : 0;
}

// Google's RetryInfo, which stands in no header: "details": [{"retryDelay": "17s"}].
std::optional<Millis> DelayIn(std::string_view body) {
  auto json = ParseForeignJson(body, "an error");
  if (!json) return std::nullopt;
  const Json& whole = json->is_array() && !json->empty() ? json->front() : *json;
  const Json* details = nullptr;
  if (auto error = whole.find("error"); whole.is_object() && error != whole.end())
    details = error->is_object() && error->contains("details") ? &(*error)["details"] : nullptr;
  if (!details || !details->is_array()) return std::nullopt;
  for (const Json& detail : *details) {
    std::string text = ForeignText(detail, "retryDelay");
    double seconds = 0;
    auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    bool whole_text = ec == std::errc() && std::string_view(end) == "s";
    if (whole_text && seconds >= 0 && seconds <= 1e6)
      return Millis(static_cast<std::int64_t>(seconds * 1000));
  }
  return std::nullopt;
}

std::string FieldOf(const Report& report) {
  for (std::string_view field : kFields) {
    bool named = report.param == field ||
                 (HasWord(report.message, field) && HasAny(report.message, kComplaints));
    if (!named) continue;
    if (field == "max_tokens" && HasWord(report.message, "max_completion_tokens"))
      return "max_tokens>max_completion_tokens";
    return std::string(field);
  }
  return {};
}

FaultKind Kind(int status, const Report& report, std::string& field) {
  bool asked_wrong = status >= 400 && status < 500 && status != 401 && status != 429;
  if (HasAny(report.message, kBillWords)) return FaultKind::kRefused;
  if (status == 413 || (asked_wrong && HasAny(report.message, kOverflowWords)))
    return FaultKind::kOverflow;
  if (asked_wrong && HasAny(report.message, kContentWords)) return FaultKind::kContent;
  if (status == 408 || status == 409 || status == 425 || status == 429 || status >= 500)
    return FaultKind::kOutage;
  if (status == 400 || status == 422) field = FieldOf(report);
  if (!field.empty()) return FaultKind::kField;
  return status >= 400 ? FaultKind::kRefused : FaultKind::kUnreadable;
}

}  // namespace

ModelFault JudgeError(int status, std::string_view body) {
  Report report = ReportOf(body);
  if (status < 400) status = StatusOf(report);
  ModelFault out;
  out.kind = Kind(status, report, out.field);
  out.bill = HasAny(report.message, kBillWords);
  if (out.kind == FaultKind::kOutage) out.wish = DelayIn(body);
  out.text = Printable(Trim(body).substr(0, 500));
  return out;
}

}  // namespace podium::agents
