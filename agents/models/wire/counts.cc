// The formats in which a client asks how many tokens a request of another format has. Answers cost
// nothing.
#include "agents/models/wire/wire_json.h"

namespace podium::agents {

const WireFormat& MessagesFormat();
const WireFormat& ResponsesFormat();
const WireFormat& GeminiFormat();

namespace {

// Takes the fields of `counted`, and its models, headers and errors.
class CountFormat : public WireFormat {
 public:
  CountFormat(const WireFormat& counted, std::string name, const std::string& below)
      : WireFormat(Traits(counted, std::move(name), below)), counted_(counted) {}

  [[nodiscard]] std::string_view Allowlist() const override { return counted_.Allowlist(); }
  void AddHeaders(const HeaderList& asked, std::vector<std::string>& out,
                  std::vector<std::string>& dropped) const override {
    counted_.AddHeaders(asked, out, dropped);
  }
  [[nodiscard]] RequestFacts FactsOf(const Json& request) const override {
    RequestFacts out;
    out.model = JsonOr<std::string>(request, "model", "");
    return out;
  }
  void Complete(Json& request, const Finish& finish, bool) const override {
    request["model"] = finish.upstream_name;
  }
  void AddUsage(const Json&, UsageSeen& seen) const override { seen.input = seen.output = 0; }
  [[nodiscard]] bool Ends(const Json&) const override { return false; }
  [[nodiscard]] bool MayTell(std::string_view) const override { return true; }
  [[nodiscard]] std::string ErrorBody(int status, std::string_view code,
                                      std::string_view message) const override {
    return counted_.ErrorBody(status, code, message);
  }

 private:
  static WireTraits Traits(const WireFormat& counted, std::string name, const std::string& below) {
    WireTraits out = counted.traits();
    out.name = std::move(name);
    out.with = counted.name();
    out.path += below;
    out.upstream += below;
    out.short_path = false;
    out.answers = false;
    out.free = true;
    return out;
  }

  const WireFormat& counted_;
};

class GeminiCount final : public CountFormat {
 public:
  GeminiCount() : CountFormat(GeminiFormat(), "gemini-count", "*:countTokens") {}

  [[nodiscard]] std::optional<Route> Match(std::string_view path) const override {
    auto asked = ParseGeminiPath(path);
    if (!asked || asked->verb != "countTokens") return std::nullopt;
    return Route{this, std::move(asked->model), false};
  }
  [[nodiscard]] bool OwnsPath(std::string_view) const override { return false; }  // gemini's
  [[nodiscard]] std::string UpstreamPath(const Route&, const std::string& upstream_name,
                                         bool) const override {
    return "/models/" + upstream_name + ":countTokens";
  }
  void Complete(Json&, const Finish&, bool) const override {}
};

}  // namespace

const WireFormat& MessagesCountFormat() {
  static const CountFormat format(MessagesFormat(), "messages-count", "/count_tokens");
  return format;
}

const WireFormat& ResponsesCountFormat() {
  static const CountFormat format(ResponsesFormat(), "responses-count", "/input_tokens");
  return format;
}

const WireFormat& GeminiCountFormat() {
  static const GeminiCount format;
  return format;
}

}  // namespace podium::agents
