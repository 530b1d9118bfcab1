// Images made by a recipe of the user's: built, locked, used in a run, refused when they would be
// others.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/podium_program.h"

namespace podium::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

class ImageRecipesTest : public SandboxedProgram {
 protected:
  void SetUp() override {
    SandboxedProgram::SetUp();
    if (!IsSkipped()) UseOwnImages();
  }

  void Recipe(const std::string& body) {
    ASSERT_TRUE(
        WriteFileAtomic(dir() / "mine.yaml", "schema: podium-recipe/1\nfrom: podium-ml\n" + body));
  }

  ProcessResult Build(std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"image", "build", "./mine.yaml"};
    args.insert(args.end(), more.begin(), more.end());
    return Podium(args);
  }

  Json Show(const std::string& name = "./mine.yaml") {
    auto r = Podium({"image", "show", name, "--json"});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return ParseJson(r.out, "show").value_or(Json::object());
  }

  std::string Inside(const std::string& image, const std::string& script) {
    auto r = Podium({"sandbox", "exec", "--image", image, "--", "sh", "-c", script});
    EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
    return r.out;
  }
};

constexpr const char* kBody =
    "copy: {agent: /opt/agent}\nrun:\n  - ln -s /opt/agent/go /usr/local/bin/go\n"
    "  - echo $MODE > /etc/mode; id -u > /etc/builder; rm /etc/debian_version\n"
    "remove: [/usr/share/zoneinfo]\nenv: {MODE: fast}\n";

TEST_F(ImageRecipesTest, LayersAreBuiltLockedAndUsedInARun) {
  ASSERT_TRUE(MakeDirs(dir() / "agent"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "agent" / "go", "#!/bin/sh\necho went\n", 0755));
  Recipe(kBody);
  auto early = Podium({"image", "show", "./mine.yaml"});
  EXPECT_EQ(early.exit_code, 2);
  EXPECT_THAT(early.err, HasSubstr("is not built yet: run `podium image build ./mine.yaml`"));
  auto built = Build();
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  EXPECT_THAT(built.out, HasSubstr("4 layers on podium-ml"));
  Json image = Show();
  EXPECT_EQ(image["kind"], "layered");
  EXPECT_EQ(image["base"]["name"], "podium-ml");
  EXPECT_EQ(image["layers"].size(), 5u);
  // Owned by root, built by the agent's user, without what was removed.
  std::string seen = Inside("./mine.yaml",
                            "go; cat /etc/mode /etc/builder; stat -c %U /etc/mode; test -e "
                            "/etc/debian_version || echo gone; test -e /usr/share/zoneinfo || "
                            "echo removed; touch /etc/x 2>/dev/null || echo read-only");
  EXPECT_EQ(seen, "went\nfast\n1000\nroot\ngone\nremoved\nread-only\n");

  std::string agent =
      ProgramAgent("user", "go; echo mode=$MODE; cp /home/data/sample_submission.csv .");
  auto run =
      Podium({"run", "--task", Task(), "--agent", agent, "--name", "r", "--image", "./mine.yaml"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  auto exec = EventBodies(TrialDir("r", "user"), "exec");
  EXPECT_THAT(exec.back()["output"].get<std::string>(), HasSubstr("went\nmode=fast"));
  EXPECT_EQ(Verdict("r", "user")["image"], image["digest"]);
  EXPECT_EQ(Podium({"verify", (runs() / "r").string()}).exit_code, 0);
}

TEST_F(ImageRecipesTest, ABuildThatWouldGiveAnotherImageThanItsLockIsRefused) {
  ASSERT_TRUE(MakeDirs(dir() / "agent"));
  ASSERT_TRUE(WriteFileAtomic(dir() / "agent" / "go", "#!/bin/sh\necho went\n", 0755));
  Recipe(kBody);
  ASSERT_EQ(Build().exit_code, 0);
  std::string lock = *ReadFile(dir() / "mine.lock.json");
  std::string digest = Show()["digest"];
  // From the lock alone, with nothing in the cache, the same bytes come.
  ASSERT_EQ(Podium({"image", "rm", Show()["name"]}).exit_code, 0);
  ASSERT_EQ(Podium({"image", "gc"}).exit_code, 0);
  ASSERT_EQ(Podium({"image", "gc"}).exit_code, 0);
  auto again = Build();
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, Not(HasSubstr("differ")));
  EXPECT_EQ(Show()["digest"], digest);
  EXPECT_EQ(*ReadFile(dir() / "mine.lock.json"), lock);
  EXPECT_THAT(Build().out, HasSubstr("is there already"));

  ASSERT_TRUE(WriteFileAtomic(dir() / "agent" / "go", "#!/bin/sh\necho elsewhere\n", 0755));
  auto refused = Build();
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("copy: agent/go executable has other bytes"));
  EXPECT_THAT(refused.err, HasSubstr("--update"));
  std::string agent = ProgramAgent("user", "go");
  auto run = Podium({"run", "--task", Task(), "--agent", agent, "--image", "./mine.yaml"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("agent/go"));
  auto updated = Build({"--update"});
  ASSERT_EQ(updated.exit_code, 0) << updated.err;
  EXPECT_EQ(Inside("./mine.yaml", "go"), "elsewhere\n");
  EXPECT_NE(Show()["digest"], digest);
}

TEST_F(ImageRecipesTest, AStepThatFailsNamesItsPlaceAndLeavesNothing) {
  Recipe("run:\n  - echo fine > /etc/a\n  - echo broken; exit 3\n");
  auto r = Build();
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("./mine.yaml:5: 'run': exit code 3"));
  EXPECT_THAT(r.err, HasSubstr("broken"));
  EXPECT_FALSE(fs::exists(dir() / "mine.lock.json"));
  EXPECT_TRUE(fs::is_empty(dir() / "cache" / "images" / ".tmp"));
  Recipe("run: [ls]\n");
  auto text = *ReadFile(dir() / "mine.yaml");
  ASSERT_TRUE(WriteFileAtomic(dir() / "mine.yaml",
                              "schema: podium-recipe/1\nfrom: podium-mk\nrun: [ls]\n"));
  auto other = Build();
  EXPECT_THAT(other.err, HasSubstr("./mine.yaml:2: 'from': there is no image 'podium-mk'"));
}

TEST_F(ImageRecipesTest, ACommandHasNoNetworkAndIsNoRoot) {
  Recipe(
      "run:\n  - python3 -c 'import socket; s = socket.socket(); s.settimeout(3); "
      "print(s.connect_ex((\"192.0.2.1\", 80)) != 0)' > /etc/alone\n"
      "  - chown 0 /etc/alone 2> /dev/null && echo root > /etc/who || echo user > /etc/who\n");
  auto r = Build();
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(Inside("./mine.yaml", "cat /etc/alone /etc/who"), "True\nuser\n");
}

// Upon a root of a few files, as all of an image's bytes are written and read again.
TEST_F(ImageRecipesTest, AnExportedImageIsTheSameWhereItIsImported) {
  for (const char* folder : {"bin", "etc", "opt"}) ASSERT_TRUE(MakeDirs(dir() / "root" / folder));
  ASSERT_TRUE(WriteFileAtomic(dir() / "root" / "opt" / "one", "below\n"));
  ASSERT_EQ(Podium({"image", "import", "root", "--name", "small"}).exit_code, 0);
  ASSERT_TRUE(WriteFileAtomic(dir() / "one", "above\n", 0755));
  ASSERT_TRUE(WriteFileAtomic(dir() / "mine.yaml",
                              "schema: podium-recipe/1\nfrom: small\ncopy: {one: /opt/one}\n"
                              "env: {MODE: fast}\n"));
  ASSERT_EQ(Build().exit_code, 0);
  auto out = Podium({"image", "export", "./mine.yaml", "mine.tar"});
  ASSERT_EQ(out.exit_code, 0) << out.err;
  EXPECT_NE(Podium({"image", "export", "./mine.yaml", "mine.tar"}).exit_code, 0);
  auto in = Podium({"image", "import", "mine.tar", "--name", "copy"});
  ASSERT_EQ(in.exit_code, 0) << in.err;
  EXPECT_THAT(in.err, HasSubstr("an OCI image layout"));
  Json before = Show(), after = Show("copy");
  EXPECT_EQ(after["config"]["env"], Json::array({"MODE=fast"}));
  ASSERT_GE(after["layers"].size(), 2u);
  EXPECT_EQ(after["layers"][0]["diff_id"], before["layers"][0]["diff_id"]);
  fs::path top = after["layers"][0]["folder"].get<std::string>();
  EXPECT_EQ(*ReadFile(top / "opt" / "one"), "above\n");
  auto refused = Podium({"image", "rm", "small"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("stands on 'small'"));
}

// A registry of this test's own: what pip's simple index is, with one wheel.
class RegistryTest : public ImageRecipesTest {
 protected:
  void SetUp() override {
    ImageRecipesTest::SetUp();
    if (IsSkipped()) return;
    auto pip = Podium({"--version"});
    ProcessSpec spec;
    spec.argv = {"/usr/bin/python3", "-m", "pip", "--version"};
    auto found = RunProcess(spec, Deadline::In(std::chrono::seconds(20)));
    if (!found || !found->ok()) GTEST_SKIP() << "the host's python3 has no pip";
    ASSERT_TRUE(WriteFileAtomic(dir() / "serve.py", kServer));
    PutWheel("1.0", "first");
    Serve();
  }

  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      Wait(pid_);
    }
    ImageRecipesTest::TearDown();
  }

  void PutWheel(const std::string& version, const std::string& word) {
    ProcessSpec spec;
    spec.argv = {"/usr/bin/python3", (dir() / "serve.py").string(), "wheel", version, word};
    spec.cwd = dir();
    auto made = RunTool(spec, Deadline::In(std::chrono::seconds(30)));
    ASSERT_TRUE(made) << made.error().message;
  }

  void Serve() {
    std::string command = "cd " + dir().string() + " && exec /usr/bin/python3 serve.py serve";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    fs::path port = dir() / "port";
    Deadline deadline = Deadline::In(std::chrono::seconds(20));
    while (!fs::exists(port) && !deadline.expired()) ::usleep(20'000);
    auto text = ReadFile(port);
    ASSERT_TRUE(text);
    url_ = "http://127.0.0.1:" + std::string(Trim(*text)) + "/simple";
  }

  static constexpr const char* kServer = R"py(
import hashlib, http.server, os, sys, zipfile
if sys.argv[1] == 'wheel':
    version, word = sys.argv[2:4]
    os.makedirs('simple/tinypkg', exist_ok=True)
    name = 'tinypkg-%s-py3-none-any.whl' % version
    info = 'tinypkg-%s.dist-info/' % version
    with zipfile.ZipFile('simple/tinypkg/' + name, 'w') as z:
        def put(path, text):
            z.writestr(zipfile.ZipInfo(path), text)
        put('tinypkg.py', 'WORD = %r\n' % word)
        put(info + 'METADATA', 'Metadata-Version: 2.1\nName: tinypkg\nVersion: %s\n' % version)
        put(info + 'WHEEL', 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        put(info + 'RECORD', 'tinypkg.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n' % (info, info, info))
    links = ''
    for f in sorted(os.listdir('simple/tinypkg')):
        if f.endswith('.whl'):
            digest = hashlib.sha256(open('simple/tinypkg/' + f, 'rb').read()).hexdigest()
            links += '<a href="%s#sha256=%s">%s</a>\n' % (f, digest, f)
    open('simple/tinypkg/index.html', 'w').write('<!DOCTYPE html><html><body>' + links + '</body></html>')
else:
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    open('port.new', 'w').write(str(server.server_port))
    os.rename('port.new', 'port')
    server.serve_forever()
)py";

  pid_t pid_ = -1;
  std::string url_;
};

TEST_F(RegistryTest, WhatWasFetchedIsLockedAndAnotherThingIsRefused) {
  Recipe("pip: [tinypkg]\nregistries: {pip: '" + url_ + "'}\n");
  auto built = Build();
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  auto word = "python3 -c 'import tinypkg; print(tinypkg.WORD)'";
  EXPECT_EQ(Inside("./mine.yaml", word), "first\n");
  std::string lock = *ReadFile(dir() / "mine.lock.json");
  EXPECT_THAT(lock, HasSubstr("tinypkg-1.0-py3-none-any.whl"));
  EXPECT_THAT(lock, Not(HasSubstr("127.0.0.1"))) << "no registry is in a lock";
  // A newer version is there: the lock's is taken.
  PutWheel("2.0", "second");
  auto forget = [&] {
    EXPECT_EQ(Podium({"image", "rm", Show()["name"]}).exit_code, 0);
    EXPECT_EQ(Podium({"image", "gc"}).exit_code, 0);
    EXPECT_EQ(Podium({"image", "gc"}).exit_code, 0);
  };
  forget();
  ASSERT_EQ(Build().exit_code, 0);
  EXPECT_EQ(Inside("./mine.yaml", word), "first\n");
  // The registry serves other bytes under the same name and version.
  PutWheel("1.0", "swapped");
  forget();
  auto refused = Build();
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, HasSubstr("./mine.yaml:3: 'pip'"));
  EXPECT_THAT(refused.err, HasSubstr("tinypkg"));
  EXPECT_THAT(refused.err, HasSubstr("sha256"));
  auto updated = Build({"--update"});
  ASSERT_EQ(updated.exit_code, 0) << updated.err;
  EXPECT_EQ(Inside("./mine.yaml", word), "second\n");
}

TEST_F(RegistryTest, ABuildReachesItsRegistryAlone) {
  // A link on the index's page leads elsewhere, as a hostile page's may.
  ASSERT_TRUE(MakeDirs(dir() / "simple" / "away"));
  ASSERT_TRUE(WriteFileAtomic(
      dir() / "simple" / "away" / "index.html",
      "<!DOCTYPE html><html><body><a href=\"https://elsewhere.example/away-1.0-py3-none-any.whl\">"
      "away-1.0-py3-none-any.whl</a></body></html>"));
  Recipe("pip: [away]\nregistries: {pip: '" + url_ + "'}\n");
  auto r = Build();
  EXPECT_NE(r.exit_code, 0);
  EXPECT_THAT(r.err, HasSubstr("no registry of this build, so refused: elsewhere.example"));
}

}  // namespace
}  // namespace podium::tests
