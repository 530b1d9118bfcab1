#include "sandbox/host/flattener.h"

#include <sys/eventfd.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/process.h"
#include "sandbox/host/mounts.h"

namespace podium::sandbox {
namespace {

bool Same(const Snapshot::Layer& a, const Snapshot::Layer& b) { return a.dir == b.dir; }

}  // namespace

Flattener::Flattener() : stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Flattener::~Flattener() { Cancel(); }

void Flattener::Copy() {
  result_ = MountOverlay(job_.scratch, job_.view, "", "",
                         MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
  if (!result_) return;
  ProcessSpec copy;
  // Behind the agents: nobody waits for it.
  copy.argv = {"nice", "-n", "10", "cp", "-a", job_.scratch.string(), job_.flat.dir.string()};
  copy.stop_fd = stop_.get();
  auto copied = RunTool(copy, Deadline::In(kFlattenTime));
  ::umount2(job_.scratch.c_str(), MNT_DETACH);
  if (copied) return;
  result_ = tl::unexpected(copied.error());
  if (auto removed = RemoveTree(job_.flat.dir); !removed) LogDebug(removed.error().message);
}

void Flattener::Start(Job job) {
  if (auto last = Join(); !last) LogDebug(last.error().message);
  job_ = std::move(job);
  whole_ = false;
  done_ = false;
  thread_ = std::thread([this] {
    Copy();
    std::lock_guard lock(mutex_);
    done_ = true;
    ended_.notify_all();
  });
}

Status Flattener::Wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (thread_.joinable() &&
      !ended_.wait_until(lock, deadline.at(), [this] { return done_.load(); }))
    return Fail(ErrorCode::kTimeout, "the workspace's layers were not copied into one in time");
  lock.unlock();
  return Join();
}

Status Flattener::Join() {
  if (!thread_.joinable()) return {};
  thread_.join();
  whole_ = result_.has_value();
  return result_;
}

void Flattener::Cancel() {
  ::eventfd_write(stop_.get(), 1);
  if (auto ended = Join(); !ended) LogDebug("not flattened: " + ended.error().message);
  ::eventfd_t ignored = 0;
  ::eventfd_read(stop_.get(), &ignored);
}

std::vector<Snapshot::Layer> Flattener::Shortened(std::vector<Snapshot::Layer> layers) {
  if (done_ && thread_.joinable()) {
    if (auto ended = Join(); !ended) LogWarn("a workspace stays a stack: " + ended.error().message);
  }
  if (!whole_ || layers.size() < job_.stack.size()) return layers;
  auto tail = layers.end() - static_cast<std::ptrdiff_t>(job_.stack.size());
  if (!std::equal(job_.stack.begin(), job_.stack.end(), tail, Same)) return layers;
  layers.erase(tail, layers.end());
  layers.push_back(job_.flat);
  return layers;
}

}  // namespace podium::sandbox
