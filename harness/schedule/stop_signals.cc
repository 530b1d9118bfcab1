#include "harness/schedule/stop_signals.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

namespace podium::harness {

struct StopSignals::Watch : std::enable_shared_from_this<Watch> {
  boost::asio::signal_set signals;
  StopSource& stop;
  RunObserver& observer;
  bool over = false;

  Watch(Reactor& reactor, StopSource& source, RunObserver& who)
      : signals(reactor.io(), SIGINT, SIGTERM, SIGHUP), stop(source), observer(who) {}

  void Next() {
    signals.async_wait([self = shared_from_this()](boost::system::error_code ec, int) {
      if (ec || self->over) return;
      self->Raise();
      self->Next();
    });
  }

  void Raise() {
    switch (stop.token().level()) {
      case StopLevel::kRunning:
        stop.Raise(StopLevel::kDraining);
        return observer.OnMessage(
            "stopping after the steps in flight; press Ctrl-C again to stop now (nothing finished "
            "is lost)");
      case StopLevel::kDraining:
        stop.Raise(StopLevel::kStopping);
        return observer.OnMessage("stopping now");
      case StopLevel::kStopping:
        std::signal(SIGINT, SIG_DFL);
        std::raise(SIGINT);
    }
  }
};

StopSignals::StopSignals(Reactor& reactor, StopSource& stop, RunObserver& observer)
    : watch_(std::make_shared<Watch>(reactor, stop, observer)) {
  watch_->Next();
}

StopSignals::~StopSignals() {
  watch_->over = true;
  boost::system::error_code ignored;
  watch_->signals.clear(ignored);   // gives the signals back, and leaves the wait
  watch_->signals.cancel(ignored);  // ends it: its handler holds what it waits with
}

}  // namespace podium::harness
