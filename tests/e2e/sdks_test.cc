// The vendors' SDKs as PyPI has them, unmodified, through the gateway: their image is built by a
// recipe.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;

class SdksTest : public SandboxedProgram {
 protected:
  void SetUp() override {
    SandboxedProgram::SetUp();
    if (IsSkipped()) return;
    UseOwnImages();
    std::error_code ec;
    fs::copy(fs::path(PODIUM_SOURCE_DIR) / "tests" / "programs", dir() / "programs",
             fs::copy_options::recursive, ec);
    ASSERT_FALSE(ec) << ec.message();
  }

  void TearDown() override {
    if (server_ > 0) {
      ::kill(server_, SIGKILL);
      Wait(server_);
    }
    SandboxedProgram::TearDown();
  }

  // The registry that this host's pip is configured for, asked for one small wheel.
  bool RegistryAnswers() {
    ProcessSpec spec;
    spec.argv = {"python3",
                 "-m",
                 "pip",
                 "download",
                 "--quiet",
                 "--no-deps",
                 "--retries=0",
                 "--timeout",
                 "15",
                 "--dest",
                 (dir() / "probe").string(),
                 "six==1.17.0"};
    auto got = RunProcess(spec, Deadline::In(std::chrono::seconds(60)));
    return got && got->ok();
  }

  // The scripted server's address.
  std::string Serve() {
    fs::path port = dir() / "port";
    std::string script = (dir() / "programs" / "scripted_models.py").string(), at = port.string();
    server_ = ::fork();
    if (server_ == 0) {
      ::execlp("python3", "python3", script.c_str(), "--port-file", at.c_str(), nullptr);
      ::_exit(127);
    }
    Deadline deadline = Deadline::In(std::chrono::seconds(30));
    while (!fs::exists(port) && !deadline.expired()) ::usleep(20'000);
    return "http://127.0.0.1:" + ReadFile(port).value_or("");
  }

  // The shipped one with every model at that address.
  std::string Catalogue(const std::string& url) {
    std::string text = *ReadFile(ShareDir() / "configs" / "models.yaml"), out;
    for (auto line : Split(text, '\n')) {
      constexpr std::string_view kKey = "    base_url: https://";
      std::string changed(line);
      if (line.starts_with(kKey)) {
        std::size_t slash = line.find('/', kKey.size());
        changed = "    base_url: " + url + std::string(line.substr(slash));
      }
      out += changed + "\n";
    }
    EXPECT_TRUE(WriteFileAtomic(dir() / "models.yaml", out));
    return (dir() / "models.yaml").string();
  }

  pid_t server_ = -1;
};

TEST_F(SdksTest, OpenAiAnthropicGoogleAndLiteLlmRunUnmodified) {
  if (!RegistryAnswers()) GTEST_SKIP() << "no package registry answers this host's pip";
  // The host's own pip with its configuration: this test alone leaves its small world for it.
  const char* path = ::getenv("PATH");
  std::map<std::string, std::string> env = {{"PATH", path ? path : ""}};
  for (const char* name : {"PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "SSL_CERT_FILE",
                           "https_proxy", "HTTPS_PROXY"}) {
    if (const char* value = ::getenv(name)) env[name] = value;
  }
  auto built = Podium({"image", "build", "programs/sdks.yaml"}, env, std::chrono::seconds(500));
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  for (const char* key : {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"})
    env[key] = "sk-scripted-0123456789";
  auto r = Podium(
      {"run", "--task", Task(), "--agent", "programs/sdks-agent.yaml", "--image",
       "programs/sdks.yaml", "--name", "sdks", "--set", "models.catalogue=" + Catalogue(Serve())},
      env);
  ASSERT_EQ(r.exit_code, 0) << r.out << r.err;
  std::string output = EventBodies(TrialDir("sdks", "sdks"), "exec").back()["output"];
  std::map<std::string, std::string> rows;
  for (auto line : Split(output, '\n')) {
    auto fields = Split(line, '\t');
    if (fields.size() == 6 && fields[0] == "ROW")
      rows[std::string(fields[1])] = std::string(fields[4]) + std::string(fields[5]);
  }
  EXPECT_THAT(rows, testing::UnorderedElementsAre(
                        testing::Pair("openai", "yes"), testing::Pair("anthropic", "yes"),
                        testing::Pair("google-genai", "yes"), testing::Pair("litellm", "yes")))
      << output;
}

}  // namespace
}  // namespace podium::tests
