// Whole images: imported, listed, removed and collected in a cache of their own.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "sandbox/image.h"
#include "sandbox/images/pack.h"
#include "sandbox/images/rootfs.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

class ImageImportTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: owners and whiteouts";
    temp_.emplace(*TempDir::Make("podium-import"));
    cache_ = temp_->path() / "cache";
  }

  // Files (name ends in no '/') and folders; returns the tar's path.
  fs::path Tar(const std::string& name,
               const std::vector<std::pair<std::string, std::string>>& in) {
    auto tar = TarWriter::Create(temp_->path() / name);
    for (const auto& [path, text] : in) {
      Member m{.name = path, .mode = 0755};
      m.kind = path.ends_with('/') ? MemberKind::kFolder : MemberKind::kFile;
      EXPECT_TRUE(m.kind == MemberKind::kFile ? tar->AddFile(m, text) : tar->Add(m, nullptr));
    }
    EXPECT_TRUE(tar->Close());
    return temp_->path() / name;
  }

  fs::path Lower() {
    return Tar("lower.tar", {{"etc/", ""},
                             {"etc/passwd", "root:x:0:0::/:/bin/sh\n"},
                             {"old/", ""},
                             {"old/a", "1"},
                             {"gone", "1"},
                             {"kept", "1"}});
  }
  fs::path Upper() {
    return Tar(
        "upper.tar",
        {{".wh.gone", ""}, {"old/", ""}, {"old/.wh..wh..opq", ""}, {"old/b", "2"}, {"kept", "2"}});
  }

  // An OCI layout of the two layers; returns its folder.
  fs::path Layout(const std::string& lie = "") {
    fs::path dir = temp_->path() / ("layout" + lie);
    fs::create_directories(dir / "blobs" / "sha256");
    auto blob = [&](const std::string& bytes) {
      std::string hex = Digest::Of(bytes).hex();
      EXPECT_TRUE(WriteFileAtomic(dir / "blobs" / "sha256" / hex, bytes));
      return Json{{"digest", "sha256:" + hex}, {"size", bytes.size()}};
    };
    Json manifest = {{"schemaVersion", 2}, {"layers", Json::array()}};
    Json ids = Json::array();
    for (const auto& tar : {Lower(), Upper()}) {
      Json layer = blob(*ReadFile(tar));
      layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar";
      ids.push_back(layer["digest"]);
      if (lie == "size") layer["size"] = 7;
      manifest["layers"].push_back(layer);
    }
    if (lie == "diff_id") ids[1] = "sha256:" + std::string(64, '0');
    manifest["config"] = blob(DumpJson(Json{{"os", "linux"},
                                            {"config", {{"Env", {"A=b"}}, {"User", "0"}}},
                                            {"rootfs", {{"diff_ids", ids}}}}));
    Json index = {{"manifests", {blob(DumpJson(manifest))}}};
    if (lie == "digest")
      std::ofstream(dir / std::string("blobs/sha256/" + Digest::Of(*ReadFile(Lower())).hex()),
                    std::ios::in)
          << "X";
    EXPECT_TRUE(WriteFileAtomic(dir / "index.json", DumpJson(index)));
    EXPECT_TRUE(WriteFileAtomic(dir / "oci-layout", "{}"));
    return dir;
  }

  Result<Imported> Import(const fs::path& source, const std::string& name) {
    return ImportImage({source, name, "", nullptr}, cache_);
  }

  static std::string Reason(const Result<Imported>& result) {
    if (result) return "taken";
    return result.error().context.empty() ? result.error().message
                                          : result.error().context.front().second;
  }

  std::optional<TempDir> temp_;
  fs::path cache_;
};

void ExpectMerged(const std::vector<fs::path>& layers) {
  EXPECT_FALSE(LookUp(layers, "gone"));
  EXPECT_FALSE(LookUp(layers, "old/a"));
  EXPECT_TRUE(LookUp(layers, "old/b"));
  auto kept = LookUp(layers, "kept");
  ASSERT_TRUE(kept);
  EXPECT_EQ(*ReadFile(kept->layer / "kept"), "2");
  for (const char* dir : {"dev", "proc", "sys", "tmp", "home"}) {
    auto found = LookUp(layers, dir);
    EXPECT_TRUE(found && S_ISDIR(found->st.st_mode)) << dir;
  }
  auto passwd = LookUp(layers, "etc/passwd");
  ASSERT_TRUE(passwd);
  EXPECT_NE(ReadFile(passwd->layer / "etc/passwd")->find("\nagent:x:1000:"), std::string::npos);
}

TEST_F(ImageImportTest, AnOciLayoutBecomesStackedLayers) {
  auto result = Import(Layout(), "two");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->image.kind, "oci");
  EXPECT_EQ(result->image.layers.size(), 3u);
  EXPECT_TRUE(result->image.rootfs.empty());
  auto found = FindImage("two", cache_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->digest, result->image.digest);
  EXPECT_EQ(found->config.env, std::vector<std::string>{"A=b"});
  ExpectMerged(found->layers);
}

TEST_F(ImageImportTest, ALayoutThatLiesIsRefused) {
  EXPECT_EQ(Reason(Import(Layout("size"), "x")), "blob_size");
  EXPECT_EQ(Reason(Import(Layout("digest"), "x")), "blob_digest");
  EXPECT_EQ(Reason(Import(Layout("diff_id"), "x")), "diff_id");
  EXPECT_TRUE(ListImages(cache_).empty());
}

TEST_F(ImageImportTest, ADockerSaveArchiveSharesItsLayersWithTheLayout) {
  auto oci = Import(Layout(), "two");
  ASSERT_TRUE(oci);
  std::string lower = *ReadFile(Lower()), upper = *ReadFile(Upper());
  Json ids = {"sha256:" + Digest::Of(lower).hex(), "sha256:" + Digest::Of(upper).hex()};
  std::string config = DumpJson(Json{{"os", "linux"}, {"rootfs", {{"diff_ids", ids}}}});
  std::string name = Digest::Of(config).hex() + ".json", a(64, 'a'), b(64, 'b');
  Json layers = {a + "/layer.tar", b + "/layer.tar"};
  Json list = Json::array({{{"Config", name}, {"RepoTags", {"x:1"}}, {"Layers", layers}}});
  fs::path tar = Tar("save.tar", {{name, config},
                                  {a + "/", ""},
                                  {a + "/layer.tar", lower},
                                  {b + "/", ""},
                                  {b + "/layer.tar", upper},
                                  {"manifest.json", DumpJson(list)}});
  auto result = Import(tar, "saved");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->image.kind, "docker-save");
  EXPECT_EQ(result->image.digest, oci->image.digest);
  for (const auto& layer : result->layers) EXPECT_TRUE(layer.reused);
  ExpectMerged(result->image.layers);
}

TEST_F(ImageImportTest, AMountPointThatIsALinkIsRefused) {
  for (const char* dir : {"dev", "etc", "home", "proc", "sys", "tmp"}) {
    fs::path root = temp_->path() / "rootfs";
    fs::remove_all(root), fs::create_directories(root);
    fs::create_symlink("/", root / dir);
    EXPECT_EQ(Reason(Import(root, "x")), "mount_point") << dir;
  }
}

TEST_F(ImageImportTest, GcRemovesOnlyWhatNobodyNames) {
  ASSERT_TRUE(Import(Layout(), "two"));
  ASSERT_TRUE(Import(Lower(), "one"));
  ASSERT_TRUE(RemoveImage("two", cache_));
  EXPECT_EQ(ListImages(cache_).size(), 1u);
  auto planned = CollectImages(cache_, true);
  ASSERT_TRUE(planned) << planned.error().message;
  auto done = CollectImages(cache_, false);
  ASSERT_TRUE(done);
  EXPECT_EQ(planned->size(), done->size());
  EXPECT_EQ(done->size(), 1u);  // the upper layer; the others are the tar's too
  EXPECT_TRUE(FindImage("one", cache_));
  EXPECT_TRUE(CollectImages(cache_, false)->empty());
}

TEST_F(ImageImportTest, AKilledImportLeavesNothingThatShows) {
  fs::path layout = Layout();
  pid_t child = ::fork();
  if (child == 0) {
    int said = 0;
    auto die = [&](std::string_view) {
      if (++said == 3) ::kill(::getpid(), SIGKILL);
    };
    (void)ImportImage({layout, "two", "", die}, cache_);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(ListImages(cache_).empty());
  auto removed = CollectImages(cache_, false);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_GE(removed->size(), 2u);
  EXPECT_TRUE(fs::is_empty(cache_ / "images" / ".tmp"));
  EXPECT_TRUE(fs::is_empty(cache_ / "images" / "layers"));
}

TEST_F(ImageImportTest, TwoImportsAtOnceAgree) {
  fs::path layout = Layout();
  std::optional<Result<Imported>> a, b;
  std::thread other([&] { a.emplace(Import(layout, "a")); });
  b.emplace(Import(layout, "b"));
  other.join();
  ASSERT_TRUE(*a) << a->error().message;
  ASSERT_TRUE(*b) << b->error().message;
  EXPECT_EQ((*a)->image.digest, (*b)->image.digest);
  EXPECT_EQ(ListImages(cache_).size(), 2u);
}

}  // namespace
}  // namespace podium::sandbox
