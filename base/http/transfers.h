#pragma once

// For the HTTP client alone: transfers under libcurl, on a thread of their own.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/http/client.h"
#include "base/http/curl.h"
#include "base/http/key_scrubber.h"

namespace podium {

// The most that waits for its reader before the server is held back.
inline constexpr std::size_t kMostWaiting = 1 << 20;

// What passes from libcurl's thread to the reader of a stream.
struct Channel {
  std::mutex mutex;
  HttpHead head;
  std::string waiting;
  bool head_complete = false;
  bool ended = false;
  bool paused = false;           // libcurl was told to stop until the reader has caught up
  std::string error;             // why it ended early
  std::function<void()> notify;  // empty once nobody reads

  // Changes something under the lock, then wakes the reader.
  template <class F>
  void Change(F change) {
    std::lock_guard lock(mutex);
    change();
    if (notify) notify();
  }
};

// One request and its answer. Its thread is that of Transfers, but for what the channel guards.
struct Transfer {
  HttpRequest request;
  Deadline deadline{Deadline::In(Millis(0))};
  const CurlApi* curl = nullptr;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = {};
  std::string direct_hosts;
  std::vector<std::string> secrets;
  std::optional<KeyScrubber> scrubber;  // of the body
  bool sent = false;                    // the whole request
  bool lasting = false;                 // its error
  std::shared_ptr<Channel> channel;

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  // Tells who reads how it ended; `why` is empty when all came.
  void End(const std::string& why);
};

// Any number of transfers on one thread, driven by libcurl's multi_socket interface under Asio:
// what happens on a socket, at a timer's end, or is asked for by a reader wakes that transfer
// alone, and costs the same however many others there are. Callable from any thread; destruction
// ends what is under way and joins the thread.
class Transfers {
 public:
  explicit Transfers(const CurlApi& curl);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  void Add(std::shared_ptr<Transfer> transfer);
  // Its reader wants no more. Ends it where it is still under way.
  void Cancel(std::shared_ptr<Transfer> transfer);
  // Its reader has taken what waited.
  void Resume(std::shared_ptr<Transfer> transfer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace podium
