#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "base/async/reactor.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/init/protocol.h"
#include "sandbox/spec.h"

namespace podium::sandbox {

// The host's end of the conversation with a podium-init (init/protocol.h), whatever backend started
// it. One request at a time, from the event loop's thread. An error means that init is gone or does
// not answer; what init sends is bounded, for it runs beside the agent.
class InitChannel {
 public:
  InitChannel(Reactor& reactor, UniqueFd socket);

  [[nodiscard]] Task<Status> WaitReady(Deadline deadline);

  struct Ended {
    int status = 0;  // as waitpid gives it
    bool timed_out = false;
    bool noticed = false;  // it was told of its end before that
    std::string output;    // head, a line that says what is missing, tail
    std::uint64_t output_bytes = 0;
  };
  // `env` goes before spec.env. spec.notice before the deadline everything gets SIGTERM; at it, as
  // spec.moved moves it, everything but init is killed.
  [[nodiscard]] Task<Result<Ended>> Exec(
      const ExecSpec& spec, const std::vector<std::pair<std::string, std::string>>& env,
      Deadline deadline);
  [[nodiscard]] Task<Status> Put(std::string inside, std::string bytes, unsigned mode,
                                 Deadline deadline);
  // A socket that listens at 127.0.0.1:`port` in there.
  [[nodiscard]] Task<Result<UniqueFd>> Listen(std::uint16_t port, Deadline deadline);
  // The same where no descriptor comes out: init carries what connects to the unix socket `inside`.
  [[nodiscard]] Task<Status> Relay(std::uint16_t port, std::string inside, Deadline deadline);
  // A job that goes on beside commands for at most `most`; of its output the last
  // spec.output_tail_bytes are kept. `id`: a new one, from 1.
  [[nodiscard]] Task<Result<wire::JobState>> StartJob(
      std::uint32_t id, const ExecSpec& spec,
      const std::vector<std::pair<std::string, std::string>>& env, Millis most, Deadline deadline);
  struct JobState {
    wire::JobState state{};  // its id is 0 where init knows the job no more
    std::string output;      // from byte state.first on
  };
  [[nodiscard]] Task<Result<JobState>> LookAtJob(std::uint32_t id, std::uint64_t from,
                                                 Deadline deadline);
  [[nodiscard]] Task<Status> StopJob(std::uint32_t id, Deadline deadline);  // does not wait for it
  // Until TakeEndedJobs has something to say or the deadline; may be cancelled at any moment.
  [[nodiscard]] Task<Status> WaitForJobEnd(Deadline deadline);
  // Those whose end init has told of meanwhile, in whatever answer.
  [[nodiscard]] std::vector<wire::JobEnd> TakeEndedJobs();

  // Processes in the sandbox beside init.
  [[nodiscard]] Task<Result<int>> CountProcesses(Deadline deadline);

  // Do not wait and cannot fail: a message that does not fit is met by the deadline's own kill.
  void KillAll();
  void Terminate();  // SIGTERM to them
  void Shutdown();   // init exits, and everything with it
  void Close();

 private:
  using Frame = std::pair<std::uint32_t, std::string>;
  Task<Status> Write(std::string frame, Deadline deadline);
  Task<Result<Frame>> Read(Deadline deadline);  // the next answer; ends of jobs are kept
  Task<Result<Frame>> ReadAny(Deadline deadline);
  [[nodiscard]] Status KeepJobEnd(const std::string& payload);
  Task<Result<Frame>> Ask(std::string frame, wire::Type answer, std::size_t least_size,
                          Deadline deadline);
  Task<Status> AskToListen(std::uint16_t port, std::string inside, Deadline deadline);
  void SendNow(const std::string& frame);
  void CancelWaits();

  Reactor& reactor_;
  boost::asio::local::stream_protocol::socket socket_;
  std::string pending_;  // bytes read and not yet a frame
  UniqueFd received_;    // a descriptor that came with them
  std::vector<wire::JobEnd> ended_jobs_;
};

}  // namespace podium::sandbox
