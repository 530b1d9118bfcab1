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
#include "sandbox/images/image.h"
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

// A docker save archive of the two layers, with the names that a writer gives to its parts.
struct Names {
  const char* writer;
  const char* config;  // {c}: the configuration's digest
  const char* layer;   // {l}: the layer's digest
  const char* prefix = "";
};

class ArchiveWritersTest : public ImageImportTest, public testing::WithParamInterface<Names> {
 protected:
  static std::string With(std::string text, const std::string& mark, const std::string& value) {
    std::size_t at = text.find(mark);
    return at == std::string::npos ? text : text.replace(at, mark.size(), value);
  }

  fs::path Save(const Names& names) {
    std::vector<std::pair<std::string, std::string>> members;
    Json ids = Json::array(), layers = Json::array();
    for (const auto& tar : {Lower(), Upper()}) {
      std::string bytes = *ReadFile(tar), hex = Digest::Of(bytes).hex();
      ids.push_back("sha256:" + hex);
      layers.push_back(With(names.layer, "{l}", hex));
      members.emplace_back(names.prefix + With(names.layer, "{l}", hex), bytes);
    }
    std::string config = DumpJson(Json{{"os", "linux"}, {"rootfs", {{"diff_ids", ids}}}});
    std::string name = With(names.config, "{c}", Digest::Of(config).hex());
    members.emplace_back(names.prefix + name, config);
    Json image = {{"Config", name}, {"RepoTags", {"a:1"}}, {"Layers", layers}};
    members.emplace_back(std::string(names.prefix) + "manifest.json",
                         DumpJson(Json::array({image})));
    return Tar("save.tar", members);
  }
};

TEST_P(ArchiveWritersTest, IsImportedWhateverItsPartsAreCalled) {
  auto imported = Import(Save(GetParam()), "saved");
  ASSERT_TRUE(imported) << imported.error().message << " " << Reason(imported);
  EXPECT_EQ(imported->image.kind, "docker-save");
  ExpectMerged(imported->image.layers);
}

INSTANTIATE_TEST_SUITE_P(Writers, ArchiveWritersTest,
                         testing::Values(Names{"docker", "{c}.json", "{l}/layer.tar"},
                                         Names{"crane", "sha256:{c}", "{l}.tar.gz"},
                                         Names{"kaniko", "sha256:{c}", "{l}.tar.gz", "./"},
                                         Names{"jib", "config.json", "{l}.tar.gz"},
                                         Names{"bazel", "image/config.json",
                                               "image/layers/{l}.tar"},
                                         Names{"podman", "{c}.json", "{l}.tar", "./"}),
                         [](const auto& param) { return std::string(param.param.writer); });

TEST_F(ImageImportTest, APlainArchiveOfFilesIsRefusedAndSaysWhatIsExpected) {
  auto tar = Import(Tar("three.tar", {{"a.tar.gz", "1"}, {"b.tar.gz", "2"}, {"notes", "3"}}), "x");
  EXPECT_EQ(Reason(tar), "no_root");
  EXPECT_NE(tar.error().message.find("manifest.json"), std::string::npos) << tar.error().message;
  fs::create_directories(temp_->path() / "folder" / "work");
  EXPECT_EQ(Reason(Import(temp_->path() / "folder", "y")), "no_root");
  EXPECT_TRUE(Import(Lower(), "z"));
}

TEST_F(ImageImportTest, AnIndexWithoutMediaTypesIsFollowed) {
  fs::path dir = Layout();
  Json index = ParseJson(*ReadFile(dir / "index.json"), "index").value();
  for (int depth = 0; depth < 2; ++depth) {
    std::string bytes = DumpJson(index), hex = Digest::Of(bytes).hex();
    ASSERT_TRUE(WriteFileAtomic(dir / "blobs" / "sha256" / hex, bytes));
    index = {{"manifests", {{{"digest", "sha256:" + hex}, {"size", bytes.size()}}}}};
  }
  ASSERT_TRUE(WriteFileAtomic(dir / "index.json", DumpJson(index)));
  fs::remove(dir / "oci-layout");  // some writers leave it out
  auto imported = Import(dir, "nested");
  ASSERT_TRUE(imported) << imported.error().message;
  ExpectMerged(imported->image.layers);
}

TEST_F(ImageImportTest, GetsNamesToLookUpWhereItHasNone) {
  auto bare = Import(Tar("bare.tar", {{"usr/", ""}, {"usr/x", "1"}}), "bare");
  ASSERT_TRUE(bare) << bare.error().message;
  auto text = [](const Imported& imported, const std::string& path) {
    auto found = LookUp(imported.image.layers, path);
    return found ? *ReadFile(found->layer / path) : std::string();
  };
  // Without /etc its files come with it.
  EXPECT_NE(text(*bare, "etc/hosts").find("127.0.0.1\tlocalhost"), std::string::npos);
  EXPECT_NE(text(*bare, "etc/nsswitch.conf").find("hosts: files"), std::string::npos);
  EXPECT_NE(text(*bare, "etc/passwd").find("\nagent:x:1000:"), std::string::npos);
  auto own = Import(Tar("own.tar", {{"etc/", ""}, {"etc/hosts", "10.0.0.1 mine\n"}}), "own");
  ASSERT_TRUE(own);
  EXPECT_EQ(text(*own, "etc/hosts"), "10.0.0.1 mine\n");
}

}  // namespace
}  // namespace podium::sandbox
