// Files that somebody else wrote: packages, images, data of R, descriptions of devices, run
// folders.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/async/reactor.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/records/grade_record.h"
#include "base/records/grade_request.h"
#include "base/records/history_line.h"
#include "base/records/journal_line.h"
#include "base/records/lease_record.h"
#include "base/records/run_lock.h"
#include "base/records/run_plan.h"
#include "base/records/trial_verdict.h"
#include "base/yaml.h"
#include "sandbox/container/init_channel.h"
#include "sandbox/gpu/cdi_spec.h"
#include "sandbox/images/oci_layout.h"
#include "sandbox/images/unpack.h"
#include "tasks/r_data.h"
#include "tasks/suite.h"
#include "tasks/task_package.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/targets.h"

namespace podium::fuzz {
namespace {

namespace fs = std::filesystem;

TempDir Folder() {
  auto made = TempDir::Make("podium-fuzz");
  Require(made.has_value(), "a folder");
  return std::move(*made);
}

void Write(const fs::path& path, std::string_view bytes) {
  Require(WriteFileAtomic(path, bytes).has_value(), "a file is written");
}

UniqueFd InMemory(std::string_view bytes) {
  UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  Require(fd && WriteAll(fd.get(), bytes) && ::lseek(fd.get(), 0, SEEK_SET) == 0, "a memory file");
  return fd;
}

UniqueFd OpenDir(const fs::path& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void CountNodes(const YamlNode& node, std::size_t& left) {
  Require(left-- > 0, "no more nodes than the bound");
  Require(node.line >= 0, "a node has a line");
  for (const auto& item : node.items) CountNodes(item, left);
  for (const auto& entry : node.entries) CountNodes(entry.second, left);
}

// Every object that can be reached, as text where it is a table.
void ReadValue(const tasks::RPtr& value, int depth) {
  if (!value || depth > 64) return;
  auto table = tasks::RTable::From(value);
  if (table && !table->names().empty() && table->rows() > 0)
    (void)table->Cell(table->rows() - 1, table->names().size() - 1);
  for (std::size_t i = 0; i < value->items.size() && i < 16; ++i)
    ReadValue(value->items[i], depth + 1);
}

}  // namespace

void Yaml(std::string_view bytes) {
  auto node = ParseYaml(bytes, "fuzz.yaml");
  if (!node) return Require(!node.error().message.empty(), "an error says what is wrong");
  std::size_t left = 100'001;
  CountNodes(*node, left);
}

// A task.yaml, then a suite.
void TaskYaml(std::string_view bytes) {
  TempDir folder = Folder();
  Write(folder.path() / "task.yaml", bytes);
  Write(folder.path() / "description.md", "# A task\n");
  Write(folder.path() / "suite.yaml", bytes);
  if (auto task = tasks::LoadTask(folder.path()); task)
    Require(task->dir == folder.path(), "a package knows its folder");
  if (auto suite = tasks::LoadSuite((folder.path() / "suite.yaml").string()); suite)
    Require(!suite->tasks.empty(), "a suite names tasks");
}

void Cdi(std::string_view bytes) {
  auto spec = sandbox::ParseCdiSpec(bytes, "fuzz.yaml");
  if (spec) Require(spec->kind.find('/') != std::string::npos, "a kind is vendor/class");
  auto name = sandbox::SplitCdiName(std::string(bytes.substr(0, 200)));
  if (name) Require(!name->first.empty() && !name->second.empty(), "a name has two parts");
}

void RData(std::string_view bytes) {
  if (auto value = tasks::ReadRds(bytes)) ReadValue(*value, 0);
  auto objects = tasks::ReadRda(bytes);
  if (!objects) return;
  for (const auto& [name, value] : *objects) ReadValue(value, 0);
}

void Tar(std::string_view bytes) {
  constexpr sandbox::UnpackLimits kLimits{
      .bytes = 1 << 20, .members = 1000, .ratio = 400, .free_bytes = 1 << 16, .depth = 16};
  TempDir folder = Folder();
  Require(MakeDirs(folder.path() / "root").has_value(), "a folder");
  Write(folder.path() / "beside", "untouched");
  auto progress = [](std::uint64_t) {};
  auto out = sandbox::UnpackTar(InMemory(bytes), OpenDir(folder.path() / "root"),
                                sandbox::UnpackAs::kPlain, kLimits, progress);
  if (out) Require(out->bytes <= kLimits.bytes && out->members <= kLimits.members, "limits hold");
  auto beside = ReadFile(folder.path() / "beside");
  Require(beside && *beside == "untouched", "nothing outside the folder is written");
}

// index.json, then one blob, whose digest the index can name.
void Oci(std::string_view bytes) {
  auto [index, blob] = Halves(bytes);
  TempDir folder = Folder();
  fs::path blobs = folder.path() / "blobs" / "sha256";
  Require(MakeDirs(blobs).has_value(), "a folder");
  Write(folder.path() / "oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
  Write(folder.path() / "index.json", index);
  Write(folder.path() / "manifest.json", index);
  Write(blobs / Digest::Of(blob).hex(), blob);
  UniqueFd dir = OpenDir(folder.path());
  (void)sandbox::ReadOciLayout(dir.get(), "");
  (void)sandbox::ReadDockerSave(dir.get(), "");
}

// What podium-init, which runs beside the agent, answers.
void Frames(std::string_view bytes) {
  if (bytes.size() > 16 << 10) return;  // all fits into the socket at once
  int pair[2];
  Require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "a socket pair");
  auto ours = std::make_shared<UniqueFd>(pair[0]);
  UniqueFd theirs(pair[1]);
  Require(::send(theirs.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the bytes are sent");
  ::shutdown(theirs.get(), SHUT_WR);
  Reactor reactor(1);
  auto ended = reactor.Run([&]() -> Task<Status> {
    sandbox::InitChannel channel(reactor, std::move(*ours));
    Deadline deadline = Deadline::In(std::chrono::seconds(5));
    PODIUM_CO_TRY(co_await channel.WaitReady(deadline));
    sandbox::ExecSpec spec;
    spec.argv = {"true"};
    spec.output_head_bytes = spec.output_tail_bytes = 1024;
    auto run = co_await channel.Exec(spec, {}, deadline);
    if (!run) co_return tl::unexpected(run.error());
    Require(run->output.size() <= 2048 + (128 << 10) + 200, "what is kept is bounded");
    auto count = co_await channel.CountProcesses(deadline);
    if (!count) co_return tl::unexpected(count.error());
    co_return Status{};
  });
  if (!ended) Require(ended.error().code != ErrorCode::kInternal, "an error is of the channel");
}

// What a run folder that somebody sent may hold.
void Records(std::string_view bytes) {
  using namespace records;
  if (auto line = ParseJournalLine(bytes, "fuzz"); line) {
    std::string text = ToText(*line);
    auto again = ParseJournalLine(text, "the same");
    Require(again && ToText(*again) == text, "a line that was read is written and read again");
  }
  if (auto line = ParseHistoryLine(bytes, "", "fuzz"); !line)
    Require(!line.error().message.empty(), "an error says what is wrong");
  (void)ParseLease(bytes, "fuzz");
  if (auto lock = ParseRunLock(bytes, "fuzz"); lock) {
    std::string text = ToText(*lock);
    auto again = ParseRunLock(text, "the same");
    Require(again && ToText(*again) == text, "a lock that was read is written and read again");
  }
  (void)ParseRunPlan(bytes, "fuzz");
  (void)ParseTrialVerdict(bytes, "fuzz");
  (void)ParseGradeRecord(bytes, "fuzz");
  (void)ParseGradeRequest(bytes);
}

}  // namespace podium::fuzz
