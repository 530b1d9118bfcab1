#pragma once

#include <filesystem>
#include <string_view>

namespace podium {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Diagnostics go to standard error (warnings and worse by default) and, once a run has a folder, to
// its podium.log (all). What a user asked for is never logged: it is printed by the command line on
// standard output. Thread-safe.
void SetLogLevel(LogLevel level);
void AddLogFile(const std::filesystem::path& path);
void Log(LogLevel level, std::string_view message);

inline void LogDebug(std::string_view m) { Log(LogLevel::kDebug, m); }
inline void LogInfo(std::string_view m) { Log(LogLevel::kInfo, m); }
inline void LogWarn(std::string_view m) { Log(LogLevel::kWarn, m); }
inline void LogError(std::string_view m) { Log(LogLevel::kError, m); }

}  // namespace podium
