import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.split;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/** Counts the words of a text file: WordCount INPUT OUTPUT, the output a folder of CSV files. */
public final class WordCount {
  public static void main(String[] arguments) {
    SparkSession spark = SparkSession.builder().appName("word-count").getOrCreate();
    Dataset<Row> words =
        spark.read().text(arguments[0]).select(explode(split(col("value"), " ")).as("word")).where("word <> ''").cache();
    words.groupBy("word").count().write().mode("overwrite").csv(arguments[1]);
    System.out.println("counted " + words.count() + " words");
    spark.stop();
  }
}
