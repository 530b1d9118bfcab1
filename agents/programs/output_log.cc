#include "agents/programs/output_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <mutex>

#include "base/deadlines.h"
#include "base/files.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace podium::agents {

struct OutputLog::File {
  explicit File(UniqueFd file) : fd(std::move(file)) {}

  void Add(std::string_view text) {
    std::lock_guard lock(waiting_mutex);
    waiting += text;
  }
  // All that waits, in its order whoever writes it.
  Status Write() {
    std::lock_guard turn(write_mutex);
    std::string text;
    {
      std::lock_guard lock(waiting_mutex);
      text.swap(waiting);
    }
    return WriteAll(fd.get(), text);
  }

  UniqueFd fd;
  std::mutex write_mutex, waiting_mutex;
  std::string waiting;
};

Result<OutputLog> OutputLog::Open(const std::filesystem::path& file,
                                  const std::vector<std::string>& secrets) {
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return FailErrno(ErrorCode::kIo, "cannot write " + file.string(), errno);
  struct stat st {};
  bool begun = ::fstat(fd.get(), &st) == 0 && st.st_size > 0;
  auto out = std::make_shared<File>(std::move(fd));
  if (begun) out->Add("\n--- begun again ---\n");
  return OutputLog(std::move(out), secrets);
}

void OutputLog::Add(std::string_view piece) {
  seen_ += piece.size();
  file_->Add(scrubber_.Add(piece));
}

Task<Status> OutputLog::Write(Reactor& reactor) {
  auto job = [file = file_] { return file->Write(); };
  co_return co_await reactor.Blocking(std::move(job), Pool::kTransfer);
}

Task<void> OutputLog::Keep(Reactor& reactor) {
  for (;;) {
    Deadline next = Deadline::In(kTick);
    co_await SleepUntil(next);
    auto written = co_await Write(reactor);
    if (!written) LogWarn("a program's output cannot be kept: " + written.error().message);
  }
}

Task<Status> OutputLog::Finish(Reactor& reactor, std::uint64_t bytes) {
  file_->Add(scrubber_.End());
  if (bytes > seen_)
    file_->Add("\n--- cut here, " + std::to_string(bytes) +
               " bytes in all; the journal has the last of them ---\n");
  co_return co_await Write(reactor);
}

}  // namespace podium::agents
