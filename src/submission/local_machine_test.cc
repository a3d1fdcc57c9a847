// One contract for the real machine and the one in memory that the tests of plans use.
#include "submission/local_machine.h"

#include <gtest/gtest.h>
#include <minizip/zip.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "codec/sha256.h"
#include "spark/test_surroundings.h"

namespace stoker::submission {
namespace {

namespace fs = std::filesystem;

class Machine {
 public:
  virtual ~Machine() = default;
  virtual std::string folder() const = 0;
  virtual void write(const std::string& name, const std::string& content) = 0;
  virtual const spark::Surroundings& surroundings() const = 0;
};

class RealMachine final : public Machine {
 public:
  RealMachine() {
    std::string name = (fs::canonical(fs::temp_directory_path()) / "stoker machine ü XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    machine_ =
        std::make_unique<LocalMachine>(Variables{{"SET", "value"}, {"EMPTY", ""}}, name, LocalMachine::Download());
  }
  ~RealMachine() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string folder() const override { return folder_; }
  void write(const std::string& name, const std::string& content) override {
    const fs::path path = fs::path(folder_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }
  const spark::Surroundings& surroundings() const override { return *machine_; }

 private:
  std::string folder_;
  std::unique_ptr<LocalMachine> machine_;
};

class MachineInMemory final : public Machine {
 public:
  MachineInMemory() { machine_.variables = {{"SET", "value"}, {"EMPTY", ""}}; }
  std::string folder() const override { return machine_.current_folder; }
  void write(const std::string& name, const std::string& content) override {
    machine_.files[machine_.current_folder + "/" + name] = content;
  }
  const spark::Surroundings& surroundings() const override { return machine_; }

 private:
  spark::testing::MemorySurroundings machine_;
};

template <class Kind>
class SurroundingsContract : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return machine_.folder() + "/" + name; }
  const spark::Surroundings& surroundings() const { return machine_.surroundings(); }
  Kind machine_;
};

using Kinds = ::testing::Types<RealMachine, MachineInMemory>;
TYPED_TEST_SUITE(SurroundingsContract, Kinds);

TYPED_TEST(SurroundingsContract, TellsAnEmptyVariableFromNone) {
  EXPECT_EQ(this->surroundings().environment("SET"), "value");
  EXPECT_EQ(this->surroundings().environment("EMPTY"), "");
  EXPECT_EQ(this->surroundings().environment("NOT_SET"), std::nullopt);
  EXPECT_FALSE(this->surroundings().user().empty());
}

TYPED_TEST(SurroundingsContract, MakesPathsAbsolute) {
  EXPECT_EQ(this->surroundings().absolute_path("a.txt"), this->at("a.txt"));
  EXPECT_EQ(this->surroundings().absolute_path("b/../a.txt"), this->at("a.txt"));
  EXPECT_EQ(this->surroundings().absolute_path("/none/./x"), "/none/x");
}

TYPED_TEST(SurroundingsContract, ReadsWholeFilesWithinALimit) {
  this->machine_.write("a.txt", "abc");
  EXPECT_EQ(this->surroundings().read(this->at("a.txt"), 3).value(), "abc");
  EXPECT_EQ(this->surroundings().read(this->at("a.txt"), 2).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(this->surroundings().read(this->at("none"), 3).error().code, ErrorCode::not_found);
  EXPECT_EQ(this->surroundings().content_id(this->at("a.txt")).value(), codec::sha256_hex("abc"));
  EXPECT_FALSE(this->surroundings().content_id(this->at("none")).ok());
}

TYPED_TEST(SurroundingsContract, ListsFilesAndNoFolders) {
  this->machine_.write("f/b.txt", "");
  this->machine_.write("f/.hidden", "");
  this->machine_.write("f/g/c.txt", "");
  EXPECT_EQ(this->surroundings().file_names(this->at("f")).value(), (std::vector<std::string>{".hidden", "b.txt"}));
  EXPECT_FALSE(this->surroundings().file_names(this->at("none")).ok());
  EXPECT_TRUE(this->surroundings().is_folder(this->at("f")));
  EXPECT_FALSE(this->surroundings().is_folder(this->at("f/b.txt")));
  EXPECT_FALSE(this->surroundings().is_folder(this->at("none")));
}

TYPED_TEST(SurroundingsContract, FindsFilesByPattern) {
  for (const char* name : {"l/a.jar", "l/b.jar", "l/c.txt", "l/d/e.jar"})
    this->machine_.write(name, "");
  const auto found = [&](const std::string& pattern) {
    return this->surroundings().matching_files(this->at(pattern)).value();
  };
  EXPECT_EQ(found("l/*.jar"), (std::vector{this->at("l/a.jar"), this->at("l/b.jar")}));
  EXPECT_EQ(found("l/[b-z].*"), (std::vector{this->at("l/b.jar"), this->at("l/c.txt")}));
  EXPECT_EQ(found("l/?.nothing"), std::vector<std::string>());
}

std::string jar_with(const std::string& folder, const std::string& manifest) {
  const std::string path = folder + "/app.jar";
  const zipFile archive = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  zipOpenNewFileInZip(archive, "META-INF/MANIFEST.MF", nullptr, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED, 6);
  zipWriteInFileInZip(archive, manifest.data(), static_cast<unsigned>(manifest.size()));
  zipCloseFileInZip(archive);
  zipClose(archive, nullptr);
  return path;
}

TEST(LocalMachine, FindsTheMainClassOfAJar) {
  RealMachine machine;
  // Long lines go on behind a blank, and sections behind an empty line are of single files.
  const std::string manifest =
      "Manifest-Version: 1.0\r\nMain-Class: org.example.a.very.long.package.name.\r\n that.goes.on.Main\r\n\r\n"
      "Name: x\r\nMain-Class: wrong\r\n";
  EXPECT_EQ(machine.surroundings().main_class_of(jar_with(machine.folder(), manifest)).value(),
            "org.example.a.very.long.package.name.that.goes.on.Main");
  EXPECT_EQ(machine.surroundings().main_class_of(jar_with(machine.folder(), "Manifest-Version: 1.0\r\n")).value(),
            std::nullopt);
}

TEST(LocalMachine, SaysWhatIsNoJar) {
  RealMachine machine;
  machine.write("text.jar", "text");
  EXPECT_EQ(machine.surroundings().main_class_of(machine.folder() + "/text.jar").error().code,
            ErrorCode::invalid_document);
  EXPECT_EQ(machine.surroundings().main_class_of(machine.folder() + "/none.jar").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stoker::submission
