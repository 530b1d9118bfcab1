#include "agents/models/event_log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/text.h"

namespace podium::agents {
namespace {

namespace asio = boost::asio;

constexpr std::int64_t kWrittenAlways = 20;

bool PowerOfTen(std::int64_t n) {
  while (n % 10 == 0) n /= 10;
  return n == 1;
}

}  // namespace

// Held by the writer too, so that it may end after the log.
struct EventLog::State {
  State(Reactor& r, EventSink& e)
      : reactor(r), events(e), emptied(r.io(), asio::steady_timer::time_point::max()) {}

  Reactor& reactor;
  EventSink& events;
  std::deque<records::Event> queue;
  bool writing = false;
  asio::steady_timer emptied;  // never rings; cancelled when the queue is empty
  Status status;

  void Note(const Status& written) {
    if (!written && status) status = written;
  }

  static Task<void> Drain(std::shared_ptr<State> state) {
    while (!state->queue.empty()) {
      records::Event event = std::move(state->queue.front());
      state->queue.pop_front();
      auto written = co_await state->events.Append(std::move(event));
      state->Note(written);
    }
    state->writing = false;
    state->emptied.cancel();
  }
};

EventLog::EventLog(Reactor& reactor, EventSink& events)
    : state_(std::make_shared<State>(reactor, events)) {}

EventLog::~EventLog() {
  std::deque<records::Event> left = std::exchange(state_->queue, {});
  for (auto& event : left) state_->Note(state_->events.Record(std::move(event)));
}

void EventLog::Post(records::Event event) {
  state_->queue.push_back(std::move(event));
  if (std::exchange(state_->writing, true)) return;
  asio::co_spawn(state_->reactor.io(), State::Drain(state_), asio::detached);
}

Task<void> EventLog::Append(records::Event event) {
  Post(std::move(event));
  auto flushed = co_await Flush();
  if (!flushed) Failed(flushed.error());
}

Task<Status> EventLog::Flush() {
  auto state = state_;
  while (state->writing) {
    boost::system::error_code ec;
    co_await state->emptied.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return state->status;
}

void EventLog::Flag(const std::string& code, const std::string& detail) {
  std::int64_t count = ++counts_[code];
  if (count > kWrittenAlways && !PowerOfTen(count)) return;
  Post(records::GatewayFlag{code, Printable(detail.substr(0, 4000)), count});
}

void EventLog::Failed(const Error& error) {
  if (state_->status) state_->status = tl::unexpected(error);
}

const Status& EventLog::status() const { return state_->status; }

std::int64_t EventLog::CountOf(const std::string& code) const {
  auto found = counts_.find(code);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace podium::agents
