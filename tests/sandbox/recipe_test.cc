// Recipes of images that stand on another: what they say, their locks, and the way out of a build.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "base/async/race.h"
#include "base/files.h"
#include "base/http/client.h"
#include "base/json.h"
#include "sandbox/build/registry_proxy.h"
#include "sandbox/build/step.h"
#include "sandbox/images/apt_sources.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/recipe_lock.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RecipeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::Make("podium-recipe");
    ASSERT_TRUE(made);
    temp_.emplace(std::move(*made));
    Write("agent/go", "#!/bin/sh\n", 0755);
    Write("agent/lib/x.py", "x = 1\n", 0644);
    Write("one.txt", "one\n", 0644);
  }

  void Write(const std::string& name, const std::string& text, unsigned mode) {
    ASSERT_TRUE(MakeDirs((dir() / name).parent_path()));
    ASSERT_TRUE(WriteFileAtomic(dir() / name, text, mode));
  }

  Result<LayerRecipe> Read(const std::string& body, const std::string& name = "mine.yaml") {
    Write(name, "schema: podium-recipe/1\nfrom: podium-ml\n" + body, 0644);
    return ReadLayerRecipe(dir() / name);
  }

  std::string Refusal(const std::string& body, const std::string& name = "mine.yaml") {
    auto recipe = Read(body, name);
    EXPECT_FALSE(recipe) << body;
    return recipe ? "" : recipe.error().message;
  }

  [[nodiscard]] const fs::path& dir() const { return temp_->path(); }

 private:
  std::optional<TempDir> temp_;
};

TEST_F(RecipeTest, StepsComeInOneOrderWhateverTheFiles) {
  auto recipe = Read(
      "remove: [/usr/share/doc]\nrun: [make, make install]\nenv: {A: b}\ncopy: {agent: /opt/a}\n"
      "npm: ['@x/y@1.0.0']\npip: [openai==3.57.0, 'litellm>=1,<2']\napt: [git]\n"
      "registries: {pip: 'https://pip.example/simple', hosts: [files.example]}\n");
  ASSERT_TRUE(recipe) << recipe.error().message;
  std::vector<std::string> steps, places;
  for (const auto& step : recipe->steps) {
    steps.emplace_back(StepText(step.kind));
    places.push_back(step.place.substr(step.place.rfind('/') + 1));
  }
  EXPECT_THAT(steps, ElementsAre("apt", "pip", "npm", "copy", "run", "run", "remove"));
  EXPECT_THAT(places, ElementsAre("mine.yaml:9", "mine.yaml:8", "mine.yaml:7", "mine.yaml:6",
                                  "mine.yaml:4", "mine.yaml:4", "mine.yaml:3"));
  EXPECT_THAT(recipe->steps[1].words, ElementsAre("openai==3.57.0", "litellm>=1,<2"));
  EXPECT_THAT(recipe->env, ElementsAre(testing::Pair("A", "b")));
  EXPECT_EQ(recipe->registries.pip, "https://pip.example/simple");
  EXPECT_EQ(recipe->stem, "mine");
}

TEST_F(RecipeTest, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_THAT(Refusal("run: [ls]\nrnu: [ls]\n"), HasSubstr("mine.yaml:4"));
  EXPECT_THAT(Refusal("run: [ls]\nrnu: [ls]\n"), HasSubstr("Did you mean 'run'?"));
  EXPECT_THAT(Refusal("pip:\n  - fine\n  - --index-url=x\n"), HasSubstr("mine.yaml:5"));
  EXPECT_THAT(Refusal("npm: ['a b']\n"), HasSubstr("'a b' is not a package"));
  EXPECT_THAT(Refusal("remove: [usr/share]\n"), HasSubstr("expected an absolute path inside"));
  EXPECT_THAT(Refusal("copy: {agent: /opt/../etc}\n"), HasSubstr("mine.yaml:3"));
  EXPECT_THAT(Refusal("copy: {../x: /opt/x}\n"), HasSubstr("beside the recipe"));
  EXPECT_THAT(Refusal("registries: {npm: registry}\nrun: [ls]\n"), HasSubstr("URL of a registry"));
  EXPECT_THAT(Refusal("env: {'A=B': c}\n"), HasSubstr("not a variable's name"));
  EXPECT_THAT(Refusal("run: [ls]\npip_source: [a]\n"), HasSubstr("mine.yaml:4"));
  EXPECT_THAT(Refusal("pip: [a]\npip_source: ['a b']\n"), HasSubstr("not a package's name"));
  EXPECT_THAT(Refusal(""), HasSubstr("adds nothing to 'podium-ml'"));
  EXPECT_THAT(Refusal("run: [ls]\n", "Mine.yaml"), HasSubstr("called after the file"));
  auto none = ReadLayerRecipe(dir() / "none.yaml");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST_F(RecipeTest, CopiedFilesLieBesideTheRecipeAndAreNoLinks) {
  auto recipe = Read("copy: {agent: /opt/a, one.txt: /etc/one}\n");
  ASSERT_TRUE(recipe);
  auto files = CopiedFiles(*recipe);
  ASSERT_TRUE(files) << files.error().message;
  ASSERT_EQ(files->size(), 3u);
  EXPECT_EQ((*files)[0].inside, "opt/a/go");
  EXPECT_TRUE((*files)[0].executable);
  EXPECT_EQ((*files)[1].inside, "opt/a/lib/x.py");
  EXPECT_EQ((*files)[2].inside, "etc/one");
  EXPECT_FALSE((*files)[2].executable);
  fs::create_symlink("/etc/passwd", dir() / "agent" / "link");
  auto link = CopiedFiles(*recipe);
  ASSERT_FALSE(link);
  EXPECT_THAT(link.error().message, HasSubstr("link"));
  auto missing = Read("copy: {nothing: /opt/a}\n");
  ASSERT_TRUE(missing);
  EXPECT_THAT(CopiedFiles(*missing).error().message, HasSubstr("which is not beside the recipe"));
}

TEST_F(RecipeTest, ALockIsReadAsItWasWrittenAndSaysWhatDiffers) {
  auto recipe = Read("pip: [a]\ncopy: {one.txt: /etc/one}\nenv: {A: b}\n");
  ASSERT_TRUE(recipe);
  auto lock = LockOf(*recipe, std::string(64, '1'));
  ASSERT_TRUE(lock);
  lock->fetched["pip"] = {{"a", "1.0", "a-1.0.whl", std::string(64, 'a')},
                          {"b", "2.0", "b-2.0.whl", std::string(64, 'b')}};
  lock->npm_lock = R"({"packages": {}})";
  lock->layers = {"x"};
  auto again = ParseLock(LockText(*lock), "mine.lock.json");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(LockText(*again), LockText(*lock));
  EXPECT_THAT(Differences(*lock, *again), IsEmpty());
  EXPECT_EQ(LayeredName(*recipe, *lock), LayeredName(*recipe, *again));

  RecipeLock now = *again;
  now.from_digest = std::string(64, '2');
  now.asked["pip"] = {"a", "c"};
  now.copied[0].hash = std::string(64, 'f');
  now.fetched["pip"] = {{"a", "1.1", "a-1.1.whl", std::string(64, 'a')},
                        {"c", "1", "c.whl", std::string(64, 'c')}};
  EXPECT_THAT(
      Differences(*lock, now),
      ElementsAre("from: podium-ml is 2222222222222222 instead of 1111111111111111",
                  "pip: the recipe says [a, c] instead of [a]",
                  HasSubstr("copy: one.txt has other bytes: ffff"), "pip: a 1.1 instead of 1.0",
                  "pip: b 2.0 is missing", "pip: c 1 is not in the lock"));
  now = *again;
  now.layers = {"y"};
  EXPECT_THAT(Differences(*lock, now), IsEmpty()) << "layers are told apart, not refused";
  EXPECT_EQ(LayeredName(*recipe, now), LayeredName(*recipe, *lock));
  EXPECT_FALSE(ParseLock(R"({"schema": "podium-image-lock/9"})", "x"));
  EXPECT_FALSE(ParseLock("[]", "x"));
}

TEST(RecipeReportTest, PipsReportBecomesALockThatPipTakes) {
  auto packages = PipPackages(
      R"({"version": "1", "install": [{"metadata": {"name": "b", "version": "2"}, "download_info":
      {"url": "https://x/y/b-2-py3-none-any.whl", "archive_info": {"hashes": {"sha256": ")" +
      std::string(64, 'b') + R"("}}}}]})");
  ASSERT_TRUE(packages) << packages.error().message;
  EXPECT_THAT(*packages,
              ElementsAre(LockedPackage{"b", "2", "b-2-py3-none-any.whl", std::string(64, 'b')}));
  EXPECT_EQ(PipRequirements(*packages), "b==2 --hash=sha256:" + std::string(64, 'b') + "\n");
  auto unhashed = PipPackages(
      R"({"install": [{"metadata": {"name": "b", "version": "2"}, "download_info": {"url": "file:///b"}}]})");
  ASSERT_FALSE(unhashed);
  EXPECT_THAT(unhashed.error().message, HasSubstr("without a SHA-256"));
}

TEST(RecipeReportTest, NpmsLockNamesWhatLiesWhere) {
  auto packages = NpmPackages(
      R"({"packages": {"": {"dependencies": {"a": "1.0.0"}},
          "node_modules/a": {"version": "1.0.0", "integrity": "sha512-x"},
          "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "integrity": "sha512-y"}}})");
  ASSERT_TRUE(packages);
  EXPECT_THAT(
      *packages,
      ElementsAre(LockedPackage{"a", "1.0.0", "node_modules/a", "sha512-x"},
                  LockedPackage{"@s/b", "2.0.0", "node_modules/a/node_modules/@s/b", "sha512-y"}));
}

TEST(AptSourcesTest, AnotherReleaseIsTakenFromTheSameSources) {
  EXPECT_EQ(WithRelease("Types: deb\nURIs: http://x/bookworm\nSuites: bookworm bookworm-updates\n",
                        "bookworm", "trixie"),
            "Types: deb\nURIs: http://x/bookworm\nSuites: trixie trixie-updates\n\n");
  EXPECT_EQ(WithRelease("deb http://x bookworm main", "bookworm", "trixie"),
            "deb http://x trixie main\n");
  EXPECT_EQ(WithRelease("deb http://x bookworm main", "bookworm", "bookworm"),
            "deb http://x bookworm main");
  EXPECT_EQ(ReleaseIn("NAME=x\nVERSION_CODENAME=trixie\n"), "trixie");
  EXPECT_EQ(ReleaseIn("NAME=x\n"), "");
}

TEST(RegistryProxyTest, ARequestSaysWhereItGoes) {
  auto tunnel = ParseProxyRequest("CONNECT Files.Example:443 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(tunnel);
  EXPECT_TRUE(tunnel->tunnel);
  EXPECT_EQ(tunnel->to, (RegistryHost{"files.example", 443}));
  auto plain = ParseProxyRequest(
      "GET http://127.0.0.1:8080/simple/a/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
      "Proxy-Connection: keep-alive\r\nAccept: */*\r\n\r\n");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->to, (RegistryHost{"127.0.0.1", 8080}));
  EXPECT_EQ(plain->head,
            "GET /simple/a/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
  for (const char* bad :
       {"", "CONNECT x:443 HTTP/1.1\r\n", "CONNECT x HTTP/1.1\r\n\r\n", "\r\n\r\n",
        "CONNECT x:99999 HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET ftp://x/ HTTP/1.1\r\n\r\n", "CONNECT x\ny:443 HTTP/1.1\r\n\r\n",
        "GET http:// HTTP/1.1\r\n\r\n", "CONNECT [::1]:443 HTTP/1.1\r\n\r\n"})
    EXPECT_FALSE(ParseProxyRequest(bad)) << bad;
}

TEST(RegistryProxyTest, UrlsNameTheirHost) {
  EXPECT_EQ(*RegistryHostOf("https://user:word@Pip.Example/simple"),
            (RegistryHost{"pip.example", 0}));
  EXPECT_EQ(*RegistryHostOf("http://127.0.0.1:3141/root"), (RegistryHost{"127.0.0.1", 3141}));
  EXPECT_EQ(*RegistryHostOf("files.example"), (RegistryHost{"files.example", 0}));
  EXPECT_FALSE(RegistryHostOf("https:///simple"));
}

// A listening socket at a free port of this machine.
UniqueFd ListenHere(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  port = ntohs(at.sin_port);
  return fd;
}

// Sends the text to the port and reads to the end. Blocks.
std::string Ask(std::uint16_t port, const std::string& text) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  EXPECT_TRUE(WriteAll(fd.get(), text));
  std::string out;
  char block[4096];
  for (ssize_t n; (n = ::recv(fd.get(), block, sizeof block, 0)) > 0;)
    out.append(block, static_cast<std::size_t>(n));
  return out;
}

// A registry that takes one connection and answers with what it was asked, and then `answer`.
std::string EchoOnce(int listener, const std::string& answer) {
  UniqueFd peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  char block[4096];
  ssize_t n = ::recv(peer.get(), block, sizeof block, 0);
  EXPECT_TRUE(WriteAll(peer.get(), answer));
  return {block, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

TEST(RegistryProxyTest, RegistriesAnswerAndAllOtherNamesAreRefused) {
  std::uint16_t port = 0, proxy_port = 0;
  UniqueFd registry = ListenHere(port), door = ListenHere(proxy_port);
  RegistryProxy proxy({{"127.0.0.1", port}}, "");
  Reactor reactor;
  std::string here = "127.0.0.1:" + std::to_string(port);
  std::string seen, fetched, refused, other_port;
  auto status = reactor.Run([&]() -> Task<Status> {
    auto serve = [&] { return EchoOnce(registry.get(), "HTTP/1.1 200 OK\r\n\r\nwheel"); };
    auto ask = [&] {
      fetched = Ask(proxy_port, "GET http://" + here + "/a.whl HTTP/1.1\r\nHost: x\r\n\r\n");
      refused = Ask(proxy_port, "CONNECT elsewhere.example:443 HTTP/1.1\r\n\r\n");
      other_port = Ask(proxy_port, "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n");
      return true;
    };
    auto both = [&]() -> Task<void> {
      auto got = co_await Together(reactor.Blocking(serve), reactor.Blocking(ask));
      seen = got.first;
    };
    co_await Race(both(), proxy.Serve(std::move(door)));
    co_return Status{};
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_THAT(seen, testing::StartsWith("GET /a.whl HTTP/1.1\r\n"));
  EXPECT_THAT(fetched, testing::EndsWith("wheel"));
  EXPECT_THAT(refused, HasSubstr("403 Forbidden"));
  EXPECT_THAT(refused, HasSubstr("elsewhere.example is no package registry"));
  EXPECT_THAT(other_port, HasSubstr("403 Forbidden"));
  EXPECT_THAT(proxy.refused(), ElementsAre("elsewhere.example", "127.0.0.1"));
}

}  // namespace
}  // namespace podium::sandbox
