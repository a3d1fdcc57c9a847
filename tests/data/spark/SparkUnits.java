// Makes spark-units.json: what Spark's own JavaUtils says of sizes and times.
//   java -cp "$(python -c 'import pyspark; print(pyspark.__path__[0])')/jars/*" tests/data/spark/SparkUnits.java > tests/data/spark/spark-units.json
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.network.util.ByteUnit;
import org.apache.spark.network.util.JavaUtils;

public class SparkUnits {
  static final String[] SIZES = {
    "1", "0", "512", "1b", "1k", "1kb", "1K", "1Kb", "1 k", " 1k ", "1m", "1mb", "1g", "1gb", "1t", "1tb", "1p", "1pb", "1e", "1x", "", " ", "k", "-1", "-1k", "+1", "1.5g", "0.5", "1.5x",
    "1k1", "1 ", "\t1g\n", "1g ", "08", "0x10", "1_000", "9223372036854775807", "9223372036854775808", "9223372036854775807k", "8388608t", "8191p", "8192p", "1024", "1023", "1025k",
    "2147483648", "1G", "1GB", "1gib", "1٣", "١", "1.g", ".5g", "1000000m", "1\u00a0k", "16PB", "9007199254740992k", "9007199254740991k",
  };
  static final String[] TIMES = {
    "1", "0", "10", "1us", "1ms", "1s", "1S", "1m", "1min", "1h", "1d", "1ns", "-1", "-5s", "-5 s", " 5s ", "", "s", "1.5s", "1sec", "5 s", "9223372036854775807", "9223372036854775808",
    "9223372036854775807d", "106751d", "106752d", "1000us", "1500us", "999ms", "90s", "1M", "1MS", "1week", "+5s", "--5",
  };

  interface Call { long of(); }

  static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  static String row(String text, String unit, Call call) {
    String head = "{\"text\": " + quoted(text) + ", \"unit\": \"" + unit + "\", ";
    try {
      return head + "\"value\": " + call.of() + "}";
    } catch (IllegalArgumentException error) {
      return head + "\"error\": true}";
    }
  }

  public static void main(String[] arguments) {
    List<String> sizes = new ArrayList<>();
    for (String text : SIZES)
      for (ByteUnit unit : new ByteUnit[] {ByteUnit.BYTE, ByteUnit.KiB, ByteUnit.MiB, ByteUnit.GiB})
        sizes.add(row(text, unit.name(), () -> JavaUtils.byteStringAs(text, unit)));
    List<String> times = new ArrayList<>();
    for (String text : TIMES)
      for (TimeUnit unit : new TimeUnit[] {TimeUnit.MILLISECONDS, TimeUnit.SECONDS})
        times.add(row(text, unit.name(), () -> JavaUtils.timeStringAs(text, unit)));
    System.out.println("{\"sizes\": [\n" + String.join(",\n", sizes) + "\n],\n\"times\": [\n" + String.join(",\n", times) + "\n]}");
  }
}
