// What stands below /home: layers that are frozen, forked, restored and made one again.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/sandbox/sandbox_fixture.h"
#include "tests/support/host_traces.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class WorkspaceTest : public SandboxFixture {
 protected:
  // Freezes it after one more line of /home/code/log.
  static Task<std::optional<Snapshot>> Step(Sandbox& box, int i) {
    Deadline deadline = Deadline::In(seconds(60));
    co_await Sh(box, "echo " + std::to_string(i) + " >> /home/code/log");
    auto taken = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(taken) << i << ": " << (taken ? "" : taken.error().message);
    co_return taken ? std::optional(std::move(*taken)) : std::nullopt;
  }
};

TEST_F(WorkspaceTest, AWorkspaceIsFrozenRestoredAndForked) {
  SandboxSpec child = Spec("fork");
  WithSandbox([this, child](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    co_await Sh(box, "cd /home/code; echo one > f; mkdir d; echo in > d/g");
    auto first = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(first) << first.error().message;
    co_await Sh(box, "cd /home/code; echo two > f; rm -r d; echo new > n");
    auto second = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(second);
    auto restored = co_await box.Restore(*first, deadline);
    EXPECT_TRUE(restored) << restored.error().message;
    auto back = co_await Sh(box, "cd /home/code; cat f d/g; ls; ls /home/data");
    EXPECT_EQ(back.output, "one\nin\nd\nf\ntrain.csv\n");
    auto taken = co_await box.TakeFile("/home/code/f", temp_->path() / "f", 100, deadline);
    EXPECT_TRUE(taken && taken->fault == TakeFault::kNone)
        << "a file of a lower layer is taken too";
    SandboxSpec spec = child;
    spec.workspace = *second;
    auto fork = co_await backend_->Create(std::move(spec), deadline);
    EXPECT_TRUE(fork) << fork.error().message;
    auto seen = co_await Sh(
        **fork, "cd /home/code; cat f n; ls d 2>&1 | wc -l; echo mine > f; stat -c %u f");
    EXPECT_EQ(seen.output, "two\nnew\n1\n1000\n");
    auto parent = co_await Sh(box, "cat /home/code/f");
    EXPECT_EQ(parent.output, "one\n") << "a fork writes to a layer of its own";
    auto removed = co_await (*fork)->Destroy(deadline);
    EXPECT_TRUE(removed);
  });
}

// Owners, modes, times, links, what was removed and whole folders that were replaced.
TEST_F(WorkspaceTest, ALayerIsAFileAndAWorkspaceOfAnotherSandboxAgain) {
  const char* look =
      "cd /home/code; find . -printf '%p %y %m %U %s %l\\n' | sort; cat f keep/x h; "
      "stat -c %Y f; stat -c %h h; ls -a keep gone 2>&1 | sort";
  SandboxSpec other = Spec("again");
  WithSandbox([this, other, look](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    co_await Sh(
        box,
        "cd /home/code; echo one > f; chmod 640 f; touch -d @1000000000 f; mkdir keep gone; "
        "echo a > keep/old; echo b > gone/b; ln -s f link; echo hard > h; ln h h2");
    auto first = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(first) << first.error().message;
    co_await Sh(box, "cd /home/code; rm -r gone; rm -r keep; mkdir keep; echo new > keep/x");
    auto second = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(second) << second.error().message;
    auto before = co_await Sh(box, look);
    EXPECT_EQ(before.exit_code, 0) << before.output;
    auto one = co_await box.PackLayer(*first, temp_->path() / "0.tar.zst", deadline);
    auto two = co_await box.PackLayer(*second, temp_->path() / "1.tar.zst", deadline);
    EXPECT_TRUE(one && two) << (one ? two.error().message : one.error().message);
    EXPECT_EQ(one->digest, *DigestFile(temp_->path() / "0.tar.zst"));
    EXPECT_EQ(one->bytes, fs::file_size(temp_->path() / "0.tar.zst"));
    SandboxSpec spec = other;
    auto made = co_await backend_->Create(std::move(spec), deadline);
    EXPECT_TRUE(made) << made.error().message;
    auto fresh = co_await (*made)->TakeSnapshot(deadline);
    EXPECT_TRUE(fresh);
    auto below = co_await (*made)->AddLayer(*fresh, temp_->path() / "0.tar.zst", deadline);
    EXPECT_TRUE(below) << below.error().message;
    auto top = co_await (*made)->AddLayer(*below, temp_->path() / "1.tar.zst", deadline);
    EXPECT_TRUE(top) << top.error().message;
    auto entered = co_await (*made)->Restore(*top, deadline);
    EXPECT_TRUE(entered) << entered.error().message;
    auto after = co_await Sh(**made, look);
    EXPECT_EQ(after.output, before.output);
    auto writes = co_await Sh(**made, "cd /home/code; echo more >> f; rm keep/x; echo y > keep/y");
    EXPECT_EQ(writes.exit_code, 0) << writes.output;
    auto back = co_await (*made)->Restore(*below, deadline);
    EXPECT_TRUE(back);
    auto older = co_await Sh(**made, "cat /home/code/gone/b /home/code/keep/old");
    EXPECT_EQ(older.output, "b\na\n");
    auto removed = co_await (*made)->Destroy(deadline);
    EXPECT_TRUE(removed);
  });
}

TEST_F(WorkspaceTest, WhatASealedSandboxHeldCanStillBeKept) {
  WithSandbox([this](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    co_await Sh(box, "echo last > /home/code/f");
    auto sealed = co_await box.Seal(deadline);
    EXPECT_TRUE(sealed);
    auto snapshot = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    auto packed = co_await box.PackLayer(*snapshot, temp_->path() / "9.tar.zst", deadline);
    EXPECT_TRUE(packed) << packed.error().message;
    EXPECT_GT(packed->bytes, 0u);
    auto taken = co_await box.TakeFile("/home/code/f", temp_->path() / "f", 100, deadline);
    EXPECT_TRUE(taken && taken->fault == TakeFault::kNone) << "it is still there";
  });
}

TEST_F(WorkspaceTest, WhileAJobLivesTheWorkspaceStaysAsItIs) {
  // How many there are, once there are two; else after five seconds.
  const std::string once =
      "for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $p; echo; done 2>/dev/null | "
      "grep -c '^sleep [67]00'";
  const std::string count =
      "for i in $(seq 50); do n=$(" + once + "); [ $n = 2 ] && break; sleep 0.1; done; echo $n";
  WithSandbox([count, once](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    ExecSpec spec;
    spec.argv = {"bash", "-c", "echo begun; sleep 600"};
    auto job = co_await box.StartJob(std::move(spec), std::chrono::hours(1), deadline);
    EXPECT_TRUE(job) << job.error().message;
    EXPECT_EQ(box.LiveJobs(), 1);
    auto beside = co_await Sh(box, "sleep 700 & " + count);
    EXPECT_EQ(beside.output, "2\n");
    auto none = co_await box.TakeSnapshot(deadline);
    EXPECT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kBusy);
    auto left = co_await Sh(box, once);
    EXPECT_EQ(left.output, "1\n") << "the command's own is gone";
    auto stopped = co_await box.StopJob(*job, deadline);
    EXPECT_TRUE(stopped);
    EXPECT_EQ(box.LiveJobs(), 0);
    auto ends = box.TakeEndedJobs();
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_TRUE(ends.front().stopped);
    EXPECT_EQ(ends.front().output_bytes, 6u);
    auto now = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(now) << now.error().message;
  });
}

TEST_F(WorkspaceTest, AJobThatIsAMemoryBombEndsForThat) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    ExecSpec spec;
    spec.argv = {"python3", "-c", "x = bytearray(1 << 30)"};
    auto job = co_await box.StartJob(std::move(spec), std::chrono::hours(1), deadline);
    EXPECT_TRUE(job) << job.error().message;
    auto waited = co_await box.WaitForJobs(deadline);
    EXPECT_TRUE(waited);
    auto ends = box.TakeEndedJobs();
    EXPECT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends.front().end, ExecEnd::kMemoryLimit);
    auto after = co_await Sh(box, "echo alive");
    EXPECT_EQ(after.output, "alive\n");
  });
}

// How a search gives a node to another worker: that one's sandbox is there already.
TEST_F(WorkspaceTest, ASandboxThatStandsReadyTakesUpAnothersWorkspace) {
  SandboxSpec ready = Spec("ready");
  WithSandbox([this, ready](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    SandboxSpec spec = ready;
    auto other = co_await backend_->Create(std::move(spec), deadline);
    EXPECT_TRUE(other) << other.error().message;
    co_await Sh(**other, "echo of its own > /home/code/own");
    co_await Sh(box, "cd /home/code; echo parent > f; mkdir d; echo in > d/g");
    auto snapshot = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    co_await Sh(box, "echo later > /home/code/f");
    auto taken_up = co_await (*other)->Restore(*snapshot, deadline);
    EXPECT_TRUE(taken_up) << taken_up.error().message;
    auto seen = co_await Sh(**other,
                            "cd /home/code; cat f d/g; ls; ls /home/data; echo mine > f; "
                            "stat -c %u f d/g");
    EXPECT_EQ(seen.output, "parent\nin\nd\nf\ntrain.csv\n1000\n1000\n");
    auto parent = co_await Sh(box, "cat /home/code/f");
    EXPECT_EQ(parent.output, "later\n");
    auto removed = co_await (*other)->Destroy(deadline);
    EXPECT_TRUE(removed);
  });
}

TEST_F(WorkspaceTest, DroppedLayersGoAndWhatIsStoodUponStays) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    auto fresh = co_await box.TakeSnapshot(deadline);
    co_await Sh(box, "echo a > /home/code/f");
    auto a = co_await box.TakeSnapshot(deadline);
    co_await box.Restore(*fresh, deadline);
    co_await Sh(box, "echo b > /home/code/f");
    auto b = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(fresh && a && b);
    std::vector<Snapshot::Layer> all = {a->layers.front()};
    all.insert(all.end(), b->layers.begin(), b->layers.end());
    all.push_back({"/etc", 0});
    auto dropped = co_await box.DropLayers(std::move(all));
    EXPECT_TRUE(dropped);
    auto back = co_await box.Restore(*b, deadline);  // has waited for the removal
    EXPECT_TRUE(back);
    EXPECT_FALSE(std::filesystem::exists(a->layers.front().dir));
    EXPECT_TRUE(std::filesystem::exists("/etc"));
    auto seen = co_await Sh(box, "cat /home/code/f; ls /home/data");
    EXPECT_EQ(seen.output, "b\ntrain.csv\n");
  });
}

constexpr const char* kTree =
    "cd /home/code; find . -printf '%P %y %m %U %G %n %l\n' | sort; cat kept log; "
    "du -k sparse | cut -f 1";

TEST_F(WorkspaceTest, AStackThatGrowsBecomesOneLayerMeanwhile) {
  WithSandbox([](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(120));
    co_await Sh(box,
                "cd /home/code; echo kept > kept; ln kept hard; ln -s kept link; mkfifo fifo; "
                "mkdir -m 700 d; echo in > d/gone; echo x > d/f; chmod 4755 kept; truncate -s 8M "
                "sparse; ls > run; chmod 755 run");
    std::optional<Snapshot> early;
    std::size_t most = 0, least = 1000;
    for (int i = 0; i < 120 && most <= least; ++i) {
      if (i == 1) co_await Sh(box, "rm /home/code/d/gone");
      auto taken = co_await Step(box, i);
      if (!taken) co_return;
      if (i == 10) early = taken;
      least = taken->layers.size();
      most = std::max(most, least);
    }
    EXPECT_LT(least, most) << "the copy was never taken up";
    EXPECT_LT(most, 120u);
    auto flat = co_await Sh(box, kTree);
    EXPECT_THAT(flat.output, testing::Not(testing::HasSubstr("gone")));
    EXPECT_THAT(flat.output, testing::HasSubstr("kept f 4755 1000 1000 2"));
    EXPECT_THAT(flat.output, testing::HasSubstr("link l 777 1000 1000 1 kept"));
    EXPECT_THAT(flat.output, testing::HasSubstr("d d 700 1000 1000 2"));
    EXPECT_THAT(flat.output, testing::HasSubstr("fifo p 644"));
    EXPECT_THAT(flat.output, testing::EndsWith("\n0\n")) << "holes stay holes";
    auto back = co_await box.Restore(*early, deadline);
    EXPECT_TRUE(back) << back.error().message;
    auto log = co_await Sh(box, "tail -n 1 /home/code/log; ls /home/code/d");
    EXPECT_EQ(log.output, "10\nf\n") << "what was taken before the copy stands on its own layers";
  });
}

TEST_F(WorkspaceTest, ManySnapshotsStayUsableWhereNoCopyFits) {
  SandboxSpec spec = Spec("full");
  spec.limits.disk_bytes = 24 << 20;
  WithSandbox(
      [](Sandbox& box) -> Task<void> {
        co_await Sh(box, "head -c 9000000 /dev/urandom > /home/code/big");
        for (int i = 0; i < 100; ++i) {
          auto taken = co_await Step(box, i);
          if (!taken) co_return;
          EXPECT_EQ(taken->layers.size(), static_cast<std::size_t>(i + 2)) << "never flattened";
        }
        auto r = co_await Sh(box, "wc -l < /home/code/log; wc -c < /home/code/big");
        EXPECT_EQ(r.output, "100\n9000000\n");
      },
      spec);
}

TEST_F(WorkspaceTest, TheLongestStackIsFlattenedBeforeItGrows) {
  SandboxSpec spec = Spec("long");
  spec.limits.disk_bytes = 24 << 20;
  WithSandbox(
      [](Sandbox& box) -> Task<void> {
        co_await Sh(box, "head -c 9000000 /dev/urandom > /home/code/big; md5sum /home/code/big");
        std::size_t last = 0;
        for (int i = 0; i < 170; ++i) {
          if (i == 150) co_await Sh(box, "truncate -s 1000000 /home/code/big");
          auto taken = co_await Step(box, i);
          if (!taken) co_return;
          last = taken->layers.size();
          EXPECT_LE(last, 161u);
        }
        EXPECT_LT(last, 20u);
        auto r = co_await Sh(box, "wc -l < /home/code/log; wc -c < /home/code/big");
        EXPECT_EQ(r.output, "170\n1000000\n");
      },
      spec);
}

TEST_F(WorkspaceTest, NothingIsLeftOfACopyThatWasUnderWay) {
  SandboxSpec spec = Spec("cut");
  spec.limits.disk_bytes = std::uint64_t{2} << 30;
  spec.limits.memory_bytes = std::uint64_t{1} << 30;
  WithSandbox(
      [id = spec.id](Sandbox& box) -> Task<void> {
        co_await Sh(box, "head -c 400000000 /dev/zero | tr '\\0' x > /home/code/big");
        for (int i = 0; i < 47; ++i) {
          auto taken = co_await Step(box, i);
          if (!taken) co_return;
        }
        // The stack is shown to the copy, and is no longer once that has ended.
        auto under_way = [&id] {
          auto traces = tests::SandboxTraces(id);
          return std::ranges::any_of(
              traces, [](const auto& t) { return t.find("/flatten ") != std::string::npos; });
        };
        for (int n = 0; n < 1000 && !under_way(); ++n) {
          Deadline step = Deadline::In(Millis(1));
          co_await SleepUntil(step);
        }
        EXPECT_TRUE(under_way());
      },
      spec);
}

// Rootless the image's owners cannot be renumbered: RootlessTest has this one not.
class OwnHomeTest : public SandboxFixture {};

// MLE-bench's images have their agent in /home/agent, and agents that write beside it.
TEST_F(OwnHomeTest, ItShowsTheImagesAndCanBeWrittenButForWhatIsGuarded) {
  std::filesystem::path image = temp_->path() / "image-home";
  auto put = [&image](const std::string& name, const std::string& text) {
    auto at = image / "home" / name;
    std::filesystem::create_directories(at.parent_path());
    EXPECT_TRUE(WriteFileAtomic(at, text));
  };
  put("agent/baked.txt", "of the image");
  put("submission/submission.csv", "of the image");
  put(".podium/tool", "of the image");
  put("other/x", "of the image");
  SandboxSpec spec = Spec("own-home");
  spec.layers.insert(spec.layers.begin(), image);
  spec.own_home = true;
  spec.home_files = {{"instructions.txt", "Do.\n", 0644}};
  auto body = [](Sandbox& box) -> Task<void> {
    Deadline deadline = Deadline::In(seconds(60));
    auto put_in = co_await box.PutFile("/home/.podium/tool", "guarded\n", 0755, deadline);
    EXPECT_TRUE(put_in) << put_in.error().message;
    auto seen = co_await Sh(box, "cd /home; cat agent/baked.txt other/x; echo; ls submission");
    EXPECT_EQ(seen.output, "of the imageof the image\n");
    auto wrote = co_await Sh(box,
                             "cd /home; echo mine > mine && sed -i s/Do/Done/ instructions.txt && "
                             "cat mine instructions.txt; echo x > agent/new && ls agent");
    EXPECT_EQ(wrote.output, "mine\nDone.\nbaked.txt\nnew\n");
    auto guarded = co_await Sh(box,
                               "cd /home; mv .podium elsewhere || rm -r .podium || rmdir data || "
                               "mv data d2 || touch .podium/x || echo all refused 2>&1; "
                               "cat .podium/tool; ls .podium");
    EXPECT_THAT(guarded.output, testing::EndsWith("all refused\nguarded\ntool\n"));
    auto snapshot = co_await box.TakeSnapshot(deadline);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    auto still = co_await Sh(box, "cat /home/mine /home/agent/baked.txt");
    EXPECT_EQ(still.output, "mine\nof the image");
  };
  WithSandbox(body, spec);
}

}  // namespace
}  // namespace podium::sandbox
