#include "tables/frame/unpack.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/files.h"
#include "scoring/competitions/grade_competition.h"

namespace podium::scoring {
namespace {

std::string Deflate(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Gzip(const std::string& text) { return Deflate(text, MAX_WBITS + 16); }

std::string Little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

struct ZipMaker {
  int method = 8;
  int flags = 0;
  int entries = 1;
  std::uint32_t crc_error = 0;
  std::uint32_t offset = 0;

  [[nodiscard]] std::string Make(const std::string& text) const {
    std::string data = method == 0 ? text : Deflate(text, -MAX_WBITS);
    std::string name = "submission.csv";
    auto crc = static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
    std::string sizes =
        Little(crc ^ crc_error, 4) + Little(data.size(), 4) + Little(text.size(), 4);
    std::string head = Little(20, 2) + Little(flags, 2) + Little(method, 2) + Little(0, 4);
    std::string local = "PK\x03\x04" + head + sizes + Little(name.size(), 2) + Little(0, 2) + name;
    std::string folder = "PK\x01\x02" + Little(20, 2) + head + sizes + Little(name.size(), 2) +
                         Little(0, 2) + Little(0, 2) + Little(0, 2) + Little(0, 2) + Little(0, 4) +
                         Little(offset, 4) + name;
    std::string end = "PK\x05\x06" + Little(0, 4) + Little(entries, 2) + Little(entries, 2) +
                      Little(folder.size(), 4) + Little(local.size() + data.size(), 4) +
                      Little(0, 2);
    return local + data + folder + end;
  }
};

std::string FaultOf(const std::string& bytes, const UnpackLimits& limits = {}) {
  auto out = Unpack(bytes, limits);
  return out ? "" : out.error().code;
}

const std::string kTable = "id,y\n1,2\n";

TEST(UnpackTest, TakesTheOneFileOfAGzipOrZip) {
  EXPECT_FALSE(IsPacked(kTable));
  for (const std::string& packed :
       {Gzip(kTable), ZipMaker().Make(kTable), ZipMaker{.method = 0}.Make(kTable)}) {
    ASSERT_TRUE(IsPacked(packed));
    EXPECT_EQ(Unpack(packed).value_or("fault"), kTable);
  }
}

TEST(UnpackTest, BombsAreRefusedBeforeTheyAreLarge) {
  std::string zeros(64 << 20, '0');
  std::string bomb = Gzip(zeros);
  EXPECT_LT(bomb.size(), std::size_t{70'000});
  EXPECT_EQ(FaultOf(bomb), "unpacked_too_large");
  EXPECT_EQ(FaultOf(ZipMaker().Make(zeros)), "unpacked_too_large");
  EXPECT_EQ(FaultOf(Gzip(kTable), {.max_bytes = 4}), "unpacked_too_large");
  EXPECT_EQ(FaultOf(ZipMaker().Make(kTable), {.max_bytes = 4}), "unpacked_too_large");
}

TEST(UnpackTest, OneMemberAndNoArchiveInside) {
  EXPECT_EQ(FaultOf(Gzip(kTable) + Gzip(kTable)), "archive_members");
  EXPECT_EQ(FaultOf(Gzip(kTable) + "x"), "archive_members");
  EXPECT_EQ(FaultOf(ZipMaker{.entries = 2}.Make(kTable)), "archive_members");
  EXPECT_EQ(FaultOf(ZipMaker{.entries = 0}.Make(kTable)), "archive_members");
  EXPECT_EQ(FaultOf(Gzip(Gzip(kTable))), "nested_archive");
  EXPECT_EQ(FaultOf(ZipMaker().Make(Gzip(kTable))), "nested_archive");
  EXPECT_EQ(FaultOf(Gzip(ZipMaker().Make(kTable))), "nested_archive");
}

TEST(UnpackTest, DamageHasAReason) {
  EXPECT_EQ(FaultOf(ZipMaker{.crc_error = 1}.Make(kTable)), "damaged_archive");
  EXPECT_EQ(FaultOf(ZipMaker{.offset = 1u << 30}.Make(kTable)), "damaged_archive");
  EXPECT_EQ(FaultOf(ZipMaker{.flags = 1}.Make(kTable)), "unsupported_archive");
  EXPECT_EQ(FaultOf(ZipMaker{.offset = UINT32_MAX}.Make(kTable)), "unsupported_archive");
  for (const std::string& whole : {Gzip(kTable), ZipMaker().Make(kTable)}) {
    for (std::size_t size = 2; size < whole.size(); ++size)
      EXPECT_NE(FaultOf(whole.substr(0, size)), "") << size;
    for (std::size_t at = 2; at < whole.size(); ++at) {
      std::string other = whole;
      other[at] = static_cast<char>(other[at] ^ 0x55);
      (void)FaultOf(other);  // whatever it says, it says it
    }
  }
}

TEST(UnpackTest, StrictTakesCompressedSubmissionsAndCompatDoesNot) {
  const std::string id = "tabular-playground-series-dec-2021";
  auto spec = LoadCompetition(ShareDir() / "scoring" / "competitions", id);
  ASSERT_TRUE(spec) << spec.error().message;
  const std::string table = "Id,Cover_Type\n1,2\n2,3\n";
  for (const std::string& packed : {Gzip(table), ZipMaker().Make(table)}) {
    auto strict = GradeCompetition(*spec, Mode::kStrict, packed, Gzip(table));
    EXPECT_EQ(strict.verdict, CompetitionOutcome::Verdict::kScored) << strict.detail;
    EXPECT_EQ(strict.raw_score, 1);
    EXPECT_EQ(GradeCompetition(*spec, Mode::kCompat, packed, table).reason, "not_utf8");
  }
  EXPECT_EQ(GradeCompetition(*spec, Mode::kStrict, Gzip(Gzip(table)), table).reason,
            "nested_archive");
}

}  // namespace
}  // namespace podium::scoring
