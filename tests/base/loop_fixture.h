#pragma once

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <list>

#include "base/async/reactor.h"

namespace podium {

// Coroutines on a loop that is run until nothing is left to do at once: no test waits for time.
class LoopFixture : public testing::Test {
 protected:
  // Starts it, and lets it go as far as it gets. Returns its number, for Cancel.
  std::size_t Start(Task<void> task) {
    auto& signal = cancel_.emplace_back();
    auto ended = [this](const std::exception_ptr& thrown) { thrown_ += thrown != nullptr; };
    boost::asio::co_spawn(io_, std::move(task),
                          boost::asio::bind_cancellation_slot(signal.slot(), std::move(ended)));
    Poll();
    return cancel_.size() - 1;
  }
  // Asks it to end; what follows from that happens at the next Poll.
  void Cancel(std::size_t number) {
    std::next(cancel_.begin(), static_cast<std::ptrdiff_t>(number))
        ->emit(boost::asio::cancellation_type::terminal);
  }
  void Poll() {
    io_.restart();
    io_.poll();
  }

  boost::asio::io_context io_;
  int thrown_ = 0;  // tasks that ended by an exception

 private:
  std::list<boost::asio::cancellation_signal> cancel_;
};

}  // namespace podium
