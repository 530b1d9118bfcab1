#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sandbox/container/exec_end.h"
#include "sandbox/init/protocol.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// What the host knows of a sandbox's jobs: which live, and how the others ended.
class JobList {
 public:
  // What the sandbox's counters said when a job began; what they say more at its end is why.
  struct Counted {
    std::uint64_t ooms = 0, refusals = 0;
  };
  struct Job {
    Deadline until;
    Counted before;
    bool stopped = false;
  };

  // The number of the next one, which lives from here on.
  [[nodiscard]] int Begin(Millis most, Counted before);
  [[nodiscard]] int count() const { return static_cast<int>(live_.size()); }
  [[nodiscard]] const Job* Find(int job) const;
  void NoteStop(int job);
  // When the first of them must have ended.
  [[nodiscard]] Deadline FirstEnd() const;
  [[nodiscard]] std::vector<int> numbers() const;

  // As init tells it, by what was `seen` since it began.
  void End(const wire::JobEnd& told, ExecSigns seen, const std::function<bool()>& disk_full);
  void Lose(int job);  // with init
  [[nodiscard]] const JobEnd* EndOf(int job) const;
  [[nodiscard]] bool has_news() const { return !news_.empty(); }
  [[nodiscard]] std::vector<JobEnd> TakeNews();

 private:
  void Keep(JobEnd end);

  int last_ = 0;
  std::map<int, Job> live_;
  std::map<int, JobEnd> ended_;
  std::vector<JobEnd> news_;
};

// Of one that init knows.
[[nodiscard]] JobLook LookOf(const wire::JobState& told, std::string output);

}  // namespace podium::sandbox
