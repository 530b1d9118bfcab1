#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "agents/trial_context.h"
#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/http/server.h"
#include "base/unique_fd.h"

namespace podium::agents {

// What the validator of one trial has been asked so far; part of its verdict.
struct ValidationCounts {
  int valid = 0;
  int invalid = 0;
  int refused = 0;  // too fast, too many at once, cut off, or not a form with a file
};

struct ValidatorLimits {
  std::uint64_t file_bytes = std::uint64_t{512} << 20;
  int calls = 1000;  // checks a trial
  int burst = 20;    // turns in a row; then one every `interval`
  Millis interval{1000};
  // A check takes a turn, and another for each so many bytes of its file, at most a whole burst.
  std::uint64_t bytes_a_turn = std::uint64_t{8} << 20;
  int uploads = 1;  // files that are received or checked at once
};

// MLE-bench's validation server for one trial: POST /validate with a form whose part "file" is a
// CSV answers {"result": MESSAGE}; GET /health answers {"status": "running"}. What is checked is
// the shape against the sample submission, never a value against an answer: the process that serves
// this holds no answers. Every check is an event "validation"; every refusal is counted.
// All references outlive it.
class Validator {
 public:
  using CheckShape = std::function<ShapeVerdict(std::string_view bytes)>;  // any thread
  Validator(Reactor& reactor, CheckShape check, EventSink& events, ValidatorLimits limits = {});

  // Serves until cancelled. Large files are spooled in `spool_dir`.
  [[nodiscard]] Task<void> Serve(UniqueFd listener, std::filesystem::path spool_dir);

  [[nodiscard]] const ValidationCounts& counts() const { return counts_; }
  // Goes on counting from an earlier attempt of the trial.
  void Resume(const ValidationCounts& earlier) { counts_ = earlier; }

 private:
  Task<void> Handle(HttpExchange& exchange);
  Task<void> Check(HttpExchange& exchange);
  Task<void> Refuse(HttpExchange& exchange, int status, std::string_view code);
  [[nodiscard]] HttpHeaders RefusalHeaders(std::string_view code, double turns) const;
  [[nodiscard]] static std::string RefusalBody(std::string_view code);
  // Before the body: a turn is taken, and `limits.uploads` go on at a time. One that is cut off
  // counts as refused.
  [[nodiscard]] Admission Admit(const ServedRequest& request);
  [[nodiscard]] double TurnsOf(const ServedRequest& request) const;
  [[nodiscard]] bool Take(double turns);

  Reactor& reactor_;
  CheckShape check_;
  EventSink& events_;
  ValidatorLimits limits_;
  ValidationCounts counts_;
  double turns_;     // left of the burst
  int uploads_ = 0;  // that go on
  int unread_ = 0;   // those of them whose file is not there yet
  SteadyTime turned_ = SteadyNow();
};

// What `curl -F file=@PATH http://localhost:5000/validate` does, for images with curl or python3
// alone: /home/validate_submission.sh.
[[nodiscard]] std::string_view ValidateScript();

inline constexpr std::uint16_t kValidatorPort = 5000;

}  // namespace podium::agents
