// Whatever a gateway answers is read or refused; every text survives its way to the gateway and back.
#include <cmath>

#include "fuzz.h"
#include "workers/py4j_codec.h"

using namespace stoker;
using namespace stoker::workers;

STOKER_FUZZ_TARGET(py4j) {
  const auto answer = py4j::decode_answer(data);
  if (answer.ok()) {
    if (const auto* returned = std::get_if<py4j::Returned>(&*answer)) {
      const auto* number = std::get_if<double>(&returned->value);
      if (!(number && std::isnan(*number)) && !std::holds_alternative<py4j::Reference>(returned->value)) {
        // What was returned can be passed on, as one line of an argument, and is the same again as an answer.
        const std::string argument = py4j::encode_argument(returned->value);
        STOKER_FUZZ_CHECK(argument.find('\n') == argument.size() - 1);
        const auto again = py4j::decode_answer("!y" + argument.substr(0, argument.size() - 1));
        STOKER_FUZZ_CHECK(again.ok());
        STOKER_FUZZ_CHECK(std::get<py4j::Returned>(*again).value == returned->value);
      }
    }
  }
  const std::string escaped = py4j::escape(data);
  STOKER_FUZZ_CHECK(escaped.find('\n') == std::string::npos && escaped.find('\r') == std::string::npos);
  STOKER_FUZZ_CHECK(py4j::unescape(escaped) == data);
}
