#include "sandbox/container/job_list.h"

#include <algorithm>
#include <utility>

namespace podium::sandbox {

int JobList::Begin(Millis most, Counted before) {
  live_.emplace(++last_, Job{.until = Deadline::In(most), .before = before});
  return last_;
}

const JobList::Job* JobList::Find(int job) const {
  auto it = live_.find(job);
  return it == live_.end() ? nullptr : &it->second;
}

void JobList::NoteStop(int job) {
  if (auto it = live_.find(job); it != live_.end()) it->second.stopped = true;
}

Deadline JobList::FirstEnd() const {
  Deadline out = Deadline::Never();
  for (const auto& [number, job] : live_) out = out.Earlier(job.until);
  return out;
}

std::vector<int> JobList::numbers() const {
  std::vector<int> out;
  for (const auto& [number, job] : live_) out.push_back(number);
  return out;
}

void JobList::End(const wire::JobEnd& told, ExecSigns seen,
                  const std::function<bool()>& disk_full) {
  const Job* job = Find(static_cast<int>(told.id));
  if (!job) return;
  ExecResult result;
  seen.timed_out = told.cut == wire::kCutByTime;
  Classify(result, told.status, seen, disk_full);
  Keep({.job = static_cast<int>(told.id),
        .end = result.end,
        .exit_code = result.exit_code,
        .signal = result.signal,
        .stopped = job->stopped && told.cut == wire::kCutByHost,
        .wall = Millis(told.wall_ms),
        .output_bytes = told.output_bytes});
}

void JobList::Lose(int job) { Keep({.job = job, .end = ExecEnd::kInitGone}); }

void JobList::Keep(JobEnd end) {
  if (live_.erase(end.job) == 0) return;
  ended_[end.job] = end;
  news_.push_back(end);
}

const JobEnd* JobList::EndOf(int job) const {
  auto it = ended_.find(job);
  return it == ended_.end() ? nullptr : &it->second;
}

JobLook LookOf(const wire::JobState& told, std::string output) {
  JobLook out;
  out.running = told.running != 0;
  out.so_far.job = static_cast<int>(told.so_far.id);
  out.so_far.wall = Millis(told.so_far.wall_ms);
  out.so_far.output_bytes = told.so_far.output_bytes;
  out.first = told.first;
  out.output = std::move(output);
  return out;
}

std::vector<JobEnd> JobList::TakeNews() { return std::exchange(news_, {}); }

}  // namespace podium::sandbox
