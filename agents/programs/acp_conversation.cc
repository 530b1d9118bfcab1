#include "agents/programs/acp_conversation.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/http/key_scrubber.h"
#include "base/text.h"

namespace podium::agents {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kLongestLine = 8 << 20;
// What of a talkative agent is kept in its journal.
constexpr int kMostEvents = 5000;
constexpr std::size_t kLongestText = 4000;

constexpr const char* kWrapper = R"sh(
exec 3<>/dev/tcp/127.0.0.1/$0 4<>/dev/tcp/127.0.0.1/$0
bash /home/agent/start.sh "$@" <&3 >&3 3>&- 4>&- &
agent=$!
exec 3>&-
( read -r -u 4; kill $agent ) &
wait $agent
)sh";

// The agent's updates as events: pieces of one text are one event.
class Notes {
 public:
  Notes(EventSink& events, const std::vector<std::string>& secrets)
      : events_(events), secrets_(secrets) {}

  Task<Status> Add(int round, AcpNote note) {
    bool goes_on = note.kind == kind_ && note.kind.ends_with("_chunk") && round == round_ &&
                   text_.size() + note.text.size() <= kLongestText;
    if (goes_on) {
      text_ += note.text;
      co_return Status{};
    }
    auto flushed = co_await Flush();
    if (!flushed) co_return flushed;
    round_ = round;
    kind_ = std::move(note.kind);
    text_ = std::move(note.text);
    co_return Status{};
  }

  Task<Status> Flush() {
    if (kind_.empty() || ++count_ > kMostEvents) co_return Status{};
    records::Event event =
        records::AcpUpdate{round_, HeadTail(Printable(kind_), 100, 0),
                           KeyScrubber::Scrub(HeadTail(text_, kLongestText, 0), secrets_)};
    kind_.clear();
    text_.clear();
    co_return co_await events_.Append(std::move(event));
  }

 private:
  EventSink& events_;
  const std::vector<std::string>& secrets_;
  int round_ = 1, count_ = 0;
  std::string kind_, text_;
};

class Conversation {
 public:
  Conversation(TrialContext& context, UniqueFd listener, const AcpTalk& talk)
      : listener_(context.reactor.io(), listener.release()),
        talk_socket_(context.reactor.io()),
        end_socket_(context.reactor.io()),
        talk_(talk),
        protocol_(talk.permission),
        notes_(context.events, talk.secrets) {
    listener_.non_blocking(true);
  }

  // An error of the host's; what the agent does is in `end`.
  Task<Status> Speak(AcpEnd& end) {
    bool there = co_await Accept(talk_socket_) && co_await Accept(end_socket_);
    if (!there) {
      end.detail = "start.sh was not begun";
      co_return Status{};
    }
    auto spoken = co_await AllPrompts(end);
    auto flushed = co_await notes_.Flush();
    co_return spoken ? flushed : spoken;
  }

  void EndInput() {
    error_code ec;
    ::shutdown(talk_socket_.native_handle(), SHUT_WR);
    talk_socket_.close(ec);
  }
  void EndAgent() {
    error_code ec;
    end_socket_.close(ec);
  }

 private:
  using Stream = asio::posix::stream_descriptor;

  Task<bool> Accept(Stream& to) {
    for (;;) {
      error_code ec;
      co_await listener_.async_wait(Stream::wait_read,
                                    asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return false;
      int fd = ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) continue;
      to.assign(fd);
      co_return true;
    }
  }

  Task<Status> AllPrompts(AcpEnd& end) {
    std::string session;
    for (bool opened : {false, true}) {
      std::string line = opened ? protocol_.NewSession("/home/code") : protocol_.Initialize();
      auto answer = co_await Ask(std::move(line), end);
      if (!answer) co_return tl::unexpected(answer.error());
      if (!*answer) co_return Status{};
      session = (*answer)->session;
    }
    std::string text = talk_.instructions;
    for (;; text = talk_.again) {
      auto answer = co_await Ask(protocol_.Prompt(session, text), end);
      if (!answer) co_return tl::unexpected(answer.error());
      if (!*answer) co_return Status{};
      AcpNote stop{"stop", (*answer)->stop_reason};
      auto noted = co_await notes_.Add(round_, std::move(stop));
      if (!noted) co_return noted;
      bool more = !talk_.again.empty() && round_ < talk_.most_rounds && talk_.time_is_left();
      if (!more) break;
      ++round_;
    }
    end.done = true;
    co_return Status{};
  }

  // Nothing where the agent does not answer; `end` says why.
  Task<Result<std::optional<AcpAnswer>>> Ask(std::string line, AcpEnd& end) {
    bool sent = co_await Send(std::move(line));
    for (; sent;) {
      auto read = co_await ReadLine();
      if (!read) break;
      AcpTaken taken = protocol_.Take(*read);
      for (auto& note : taken.notes) {
        auto noted = co_await notes_.Add(round_, std::move(note));
        if (!noted) co_return tl::unexpected(noted.error());
      }
      for (auto& reply : taken.send) sent = sent && co_await Send(std::move(reply));
      if (!taken.answer) continue;
      if (taken.answer->error.empty()) co_return std::move(taken.answer);
      end.detail = "the agent answered with an error: " + taken.answer->error;
      co_return std::nullopt;
    }
    end.detail = "the agent closed its output before it had answered";
    co_return std::nullopt;
  }

  Task<bool> Send(std::string line) {
    error_code ec;
    co_await asio::async_write(talk_socket_, asio::buffer(line),
                               asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  // Nothing at the end of what it writes, or where a line is too long.
  Task<std::optional<std::string>> ReadLine() {
    std::vector<char> block(64 << 10);
    for (;;) {
      std::size_t end = seen_.find('\n');
      if (end != std::string::npos) {
        std::string line = seen_.substr(0, end);
        seen_.erase(0, end + 1);
        if (!Trim(line).empty()) co_return line;
        continue;
      }
      if (seen_.size() > kLongestLine) co_return std::nullopt;
      error_code ec;
      auto buffer = asio::buffer(block);
      std::size_t n = co_await talk_socket_.async_read_some(
          buffer, asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return std::nullopt;
      seen_.append(block.data(), n);
    }
  }

  Stream listener_, talk_socket_, end_socket_;
  const AcpTalk& talk_;
  AcpProtocol protocol_;
  Notes notes_;
  std::string seen_;  // read, and no whole line yet
  int round_ = 1;
};

}  // namespace

std::vector<std::string> AcpCommand(const std::vector<std::string>& arguments) {
  std::vector<std::string> out = {"bash", "-c", kWrapper, std::to_string(kAcpPort)};
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

Task<Status> Converse(TrialContext& context, UniqueFd listener, AcpTalk talk, AcpEnd& end) {
  Conversation conversation(context, std::move(listener), talk);
  auto spoken = co_await conversation.Speak(end);
  if (!spoken) co_return spoken;
  conversation.EndInput();
  Deadline grace = Deadline::In(talk.grace);
  co_await SleepUntil(grace);
  conversation.EndAgent();
  Deadline last = Deadline::Never();
  co_await SleepUntil(last);
  co_return Status{};
}

}  // namespace podium::agents
