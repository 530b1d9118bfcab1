#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/files.h"
#include "sandbox/sandbox.h"

namespace podium::sandbox {

// Sandboxes on runc with the image podium-ml. Skips where they cannot be made.
class SandboxFixture : public testing::Test {
 protected:
  // RootlessTest runs these tests as an ordinary user.
  static void SetUpTestSuite();
  void SetUp() override;

  // 256 MiB of memory, 64 MiB of disk, 60 processes; one file of data.
  SandboxSpec Spec(const std::string& name = "t");

  // Runs `body` with a live sandbox and checks that nothing is left behind.
  void WithSandbox(std::function<Task<void>(Sandbox&)> body, std::optional<SandboxSpec> spec = {});

  static Task<ExecResult> Sh(Sandbox& box, std::string script, Millis limit = Millis(20'000));

  // The root file system of all tests here; empty when the image is not built.
  static std::filesystem::path TestRoot();

  Reactor reactor_;
  std::unique_ptr<Backend> backend_;
  std::optional<TempDir> temp_;
};

}  // namespace podium::sandbox
