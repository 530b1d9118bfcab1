#pragma once

#include "base/clock.h"

// How long the programs on the host wait, by purpose. What a user may choose is a setting and has
// its default there; what an attack of the escape suite needs stands in its case.
namespace podium {

// Processes.
// A tool that answers at once (`runc --version`, `newuidmap`): longer means that the host hangs.
inline constexpr Millis kToolTime = std::chrono::seconds(20);
// A child was killed: until its end is seen and its pipes are closed.
inline constexpr Millis kKillGrace = std::chrono::seconds(2);
// A child has ended: a grandchild may hold its pipes, and nobody waits for that one.
inline constexpr Millis kPipeGrace{200};

// Sandboxes.
// A sandbox is made, sealed or destroyed. On a busy host a mount or a runtime's call takes seconds.
inline constexpr Millis kSandboxTime = std::chrono::minutes(2);
// One small step with a sandbox that stands: a file put, a command of Podium's own, a frame sent.
inline constexpr Millis kStepTime = std::chrono::minutes(1);
// A sandbox that failed while it was made, or that a person's command used, is taken away.
inline constexpr Millis kRemovalTime = std::chrono::minutes(1);
// A person's sandbox may have an image to unpack first.
inline constexpr Millis kSandboxByHandTime = std::chrono::minutes(10);
// Where a person's shell stands after a line.
inline constexpr Millis kAskPlaceTime = std::chrono::seconds(10);
// The layers below a sandbox that begins from a snapshot, a deep stack at worst.
inline constexpr Millis kFirstMountTime = std::chrono::minutes(10);
// A stack of layers is copied into one, behind the agents.
inline constexpr Millis kFlattenTime = std::chrono::hours(1);
// Beyond a command's deadline: until podium-init has reported that everything was killed.
inline constexpr Millis kInitKillGrace = std::chrono::seconds(6);
// The part of it after which the host kills by itself.
inline constexpr Millis kOverdue = std::chrono::seconds(1);
// Where a trial is done again: between two looks at a job that has not come as far as it had.
inline constexpr Millis kJobPoll{50};
// Between two counts of the locks that a command holds.
inline constexpr Millis kLockCountStep{500};
// A cgroup freezes within milliseconds, or has no freezer that works.
inline constexpr Millis kFreezeTime = std::chrono::seconds(1);
inline constexpr Millis kFreezePoll{1};
// A cgroup empties once its last process is reaped.
inline constexpr Millis kEmptyPoll{5};
// One dead sandbox, and all of them before a run begins: neither may keep a run waiting.
inline constexpr Millis kReapOneTime = std::chrono::seconds(20);
inline constexpr Millis kReapTime = std::chrono::minutes(2);
// A container engine says its version.
inline constexpr Millis kEngineAnswerTime = std::chrono::seconds(10);
// An engine refuses to remove a container in the moment in which it notices its end.
inline constexpr Millis kEngineSettleTime = std::chrono::seconds(10);
inline constexpr Millis kEngineSettlePoll{50};

// Trials.
// A submission, or a folder of an agent's, is taken out: 2 GiB at the speed of a slow disk.
inline constexpr Millis kTransferTime = std::chrono::minutes(2);
// A look at what lies beside a submission that is missing; it only makes a message better.
inline constexpr Millis kNearMissTime = std::chrono::seconds(20);
// After the trial's time a scaffold may still put away its last step; then the trial is sealed.
inline constexpr Millis kPutAwayTime = std::chrono::minutes(5);
// A trial that is done again from its record: how many times as long as before its machine may
// take.
inline constexpr int kSlowerMachine = 4;
// A file is copied without its guards (the escape suite's control).
inline constexpr Millis kUnguardedCopyTime = std::chrono::minutes(1);
// One grading in podium-grade.
inline constexpr Millis kGradingTime = std::chrono::minutes(30);
// A lease is renewed so often, and is a dead owner's once it was not for this long.
// Between two attempts of a trial that infrastructure fails, at most.
inline constexpr Millis kLongestRetryPause = std::chrono::minutes(10);
// A model waits for its job in the background, unless it says how long.
inline constexpr Millis kJobWait = std::chrono::seconds(60);
// A user's command that tells people of a run.
inline constexpr Millis kNotifyTime = std::chrono::minutes(1);
// A batch system takes a script.
inline constexpr Millis kSubmitTime = std::chrono::minutes(2);
// Between two looks of a worker at a trial that another works on.
inline constexpr Millis kLookAgain = std::chrono::seconds(15);
inline constexpr Millis kHeartbeat = std::chrono::seconds(10);
inline constexpr Millis kLeaseStale = std::chrono::minutes(2);

// Runs.
// A task's data: the packages are fetched and its tables made.
inline constexpr Millis kPrepareTime = std::chrono::minutes(30);
inline constexpr Millis kPreparePoll{100};  // while another process prepares the task
// An image is built from the distribution's packages.
inline constexpr Millis kImageTime = std::chrono::minutes(30);
// Another process reads and writes lock.json.
inline constexpr Millis kRunFolderTime = std::chrono::seconds(30);
inline constexpr Millis kRunFolderPoll{20};
// What the processes of a host hold is changed under one lock, within microseconds.
inline constexpr Millis kSharesLockTime = std::chrono::seconds(2);
inline constexpr std::chrono::microseconds kSharesLockPoll{50};
inline constexpr std::chrono::microseconds kLongestSharesLockPoll{1000};
// podium-score writes the grading report of a whole run.
inline constexpr Millis kGradingReportTime = std::chrono::minutes(10);

// Servers.
// What a peer still sends after its answer is read, so that closing does not take the answer away.
inline constexpr Millis kLingerTime = std::chrono::seconds(3);
// No descriptor is free, or the sandbox ended: before the next connection is taken.
inline constexpr Millis kAcceptPause{100};
// Of a server's own certificates: clocks inside and outside are one, yet none fails for a second's
// difference, nor within the longest trial.
inline constexpr std::chrono::hours kCertificateSkew{24};
inline constexpr std::chrono::hours kCertificateLife{24 * 365};
// A connection to the validator that asks nothing.
inline constexpr Millis kValidatorIdleTime = std::chrono::seconds(10);

// Model providers.
// One that does not serve: the first pause, which doubles, and the longest.
inline constexpr Millis kProviderFirstPause{500};
inline constexpr Millis kProviderLongestPause = std::chrono::minutes(1);
// The longest pause that a provider may ask for.
inline constexpr Millis kProviderLongestHold = std::chrono::hours(1);
// Another process of this host has the turn: the first look whether it still has, and the longest
// pause between two.
inline constexpr Millis kHostTurnPoll{5};
inline constexpr Millis kHostTurnLongestPoll{50};
// Before an answer that could not be read is asked for again; it doubles.
inline constexpr Millis kUnreadablePause{250};

// What people see.
// The live view counts seconds; the index is written as often.
inline constexpr Millis kTick = std::chrono::seconds(1);
// Between two looks at what a trial prints, for a person.
inline constexpr Millis kFollowPoll{500};
inline constexpr Millis kWatchPoll = std::chrono::seconds(2);
// Without a terminal: a line at the latest after so long.
inline constexpr Millis kSilence = std::chrono::minutes(1);
// Between two lines on how far a file is read.
inline constexpr Millis kProgressStep = std::chrono::seconds(2);
// A build is looked at so often, and spoken of every so often.
inline constexpr Millis kBuildPoll{100};
inline constexpr Millis kBuildSayStep = std::chrono::seconds(15);

}  // namespace podium
