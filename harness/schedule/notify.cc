#include "harness/schedule/notify.h"

#include <unistd.h>

#include "base/deadlines.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"

namespace podium::harness {
namespace {

std::vector<std::pair<std::string, std::string>> ThisEnvironment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; *entry; ++entry) {
    std::string text = *entry;
    std::size_t equals = text.find('=');
    if (equals != std::string::npos)
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace

void Notify(const std::string& command, NotifyEvent event, const std::filesystem::path& run_dir,
            const std::string& text) {
  if (command.empty()) return;
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", command};
  auto environment = ThisEnvironment();
  auto dir = std::filesystem::absolute(run_dir).lexically_normal();
  environment.emplace_back("PODIUM_EVENT", event == NotifyEvent::kEnded ? "ended" : "trouble");
  environment.emplace_back("PODIUM_RUN", dir.filename().string());
  environment.emplace_back("PODIUM_RUN_DIR", dir.string());
  environment.emplace_back("PODIUM_TEXT", text);
  spec.env = std::move(environment);
  auto done = RunProcess(spec, Deadline::In(kNotifyTime));
  if (!done) LogWarn("notify.command: " + done.error().message);
  if (done && !done->ok())
    LogWarn("notify.command ended with exit code " + std::to_string(done->exit_code) + ": " +
            Printable(done->err.substr(0, 300)));
}

}  // namespace podium::harness
