#include "metadata/location.h"

#include <gtest/gtest.h>

#include <set>

#include "metadata/file_system.h"

namespace stoker::metadata {
namespace {

Result<StoreLocation> choose(const LocationInputs& inputs, const std::set<std::string>& folders = {}) {
  return choose_location(inputs, [&](const std::filesystem::path& path) { return folders.contains(path.string()); });
}

LocationInputs inputs() {
  return {.start = "/home/ann/project/src", .current = "/home/ann", .home = "/home/ann"};
}

TEST(ChooseLocation, TheOptionWinsAndIsRelativeToTheCurrentFolder) {
  auto given = inputs();
  given.option = "elsewhere/../here";
  given.store_variable = "/variable";
  const auto location = choose(given, {"/home/ann/project/.stoker"}).value();
  EXPECT_EQ(location.folder, "/home/ann/here");
  EXPECT_EQ(location.source, LocationSource::option);
  given.option = "";
  EXPECT_EQ(choose(given).error().code, ErrorCode::usage);
}

TEST(ChooseLocation, TheVariableIsNext) {
  auto given = inputs();
  given.store_variable = "/variable";
  EXPECT_EQ(choose(given, {"/home/ann/project/.stoker"}).value().folder, "/variable");
}

TEST(ChooseLocation, TheNearestProjectFolderUpwards) {
  EXPECT_EQ(choose(inputs(), {"/home/ann/project/.stoker", "/home/ann/.stoker"}).value().folder,
            "/home/ann/project/.stoker");
  EXPECT_EQ(choose(inputs(), {"/.stoker"}).value().folder, "/.stoker");
}

TEST(ChooseLocation, TheUsersDataFolderIsLast) {
  auto given = inputs();
  EXPECT_EQ(choose(given).value().folder, "/home/ann/.local/share/stoker");
  given.data_home = "relative/is/ignored";
  EXPECT_EQ(choose(given).value().folder, "/home/ann/.local/share/stoker");
  given.data_home = "/data";
  EXPECT_EQ(choose(given).value().folder, "/data/stoker");
  given.data_home.clear();
  given.home.clear();
  EXPECT_EQ(choose(given).error().code, ErrorCode::environment);
}

TEST(JudgeStoreFolder, RefusesWhatOthersCanChange) {
  EXPECT_TRUE(judge_store_folder("/s", {.owner = 7, .mode = 0700, .user = 7}).ok());
  EXPECT_TRUE(judge_store_folder("/s", {.owner = 7, .mode = 0755, .user = 7}).ok());
  EXPECT_TRUE(judge_store_folder("/s", {.owner = 7, .mode = 0700, .user = 0}).ok());
  EXPECT_EQ(judge_store_folder("/s", {.owner = 8, .mode = 0700, .user = 7}).error().code, ErrorCode::permission);
  EXPECT_EQ(judge_store_folder("/s", {.owner = 7, .mode = 0777, .user = 7}).error().hint, "chmod 700 '/s'");
  EXPECT_FALSE(judge_store_folder("/s", {.owner = 7, .mode = 0770, .user = 7}).ok());
}

TEST(NetworkFileSystem, KnowsThoseThatLockBadly) {
  EXPECT_EQ(network_file_system(0x6969), "NFS");
  EXPECT_EQ(network_file_system(0xFFFFFFFFFF534D42), "CIFS");  // sign-extended
  EXPECT_FALSE(network_file_system(0xEF53));                   // ext4
  EXPECT_FALSE(network_file_system(0x01021994));               // tmpfs
}

}  // namespace
}  // namespace stoker::metadata
