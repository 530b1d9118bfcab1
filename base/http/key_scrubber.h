#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace podium {

// Takes secrets out of what a server sends, before anybody keeps or shows it: each becomes "[key]".
// A secret is found as it is, without the blanks at its ends, percent-encoded (in part, twice),
// with the escapes of JSON, Python and HTML, in hexadecimal, and in base64 wherever it begins there
// (alone, behind "user:", url-safe). Pieces may be cut anywhere.
class KeyScrubber {
 public:
  // Secrets of fewer than 4 characters are none: they stand in every text.
  explicit KeyScrubber(const std::vector<std::string>& secrets);

  // What of the stream so far can be handed on; the rest waits for what follows it.
  [[nodiscard]] std::string Add(std::string_view piece);
  // What waited. The beginning of a secret that was cut off by the end goes too.
  [[nodiscard]] std::string End();

  // A whole text.
  [[nodiscard]] static std::string Scrub(std::string_view text,
                                         const std::vector<std::string>& secrets);

  // What stands at the front of a text.
  struct Found {
    std::size_t length = 0;  // of a secret that begins here; 0: none
    bool open = false;       // the text ended before it was sure
    std::size_t known = 0;   // characters of a secret that were there until then
  };
  [[nodiscard]] Found At(std::string_view text) const;
  // The characters that a secret can begin with, in any form.
  [[nodiscard]] const std::string& first() const { return first_; }
  // What a secret becomes.
  static constexpr std::string_view kMark = "[key]";

 private:
  [[nodiscard]] std::string Take(bool last);

  std::vector<std::string> needles_;  // longest first
  std::string first_;                 // the characters that a needle can begin with, in any form
  std::string waiting_;
};

}  // namespace podium
