import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** Prints what a statement gives, as CSV without quotes: URL, SQL, and properties as name=value. */
class ReadJdbc {
    public static void main(String[] words) throws Exception {
        Properties properties = new Properties();
        for (int at = 2; at < words.length; at++) {
            String[] pair = words[at].split("=", 2);
            properties.put(pair[0], pair[1]);
        }
        try (Connection connection = DriverManager.getConnection(words[0], properties);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(words[1])) {
            int columns = rows.getMetaData().getColumnCount();
            List<String> line = new ArrayList<>();
            for (int at = 1; at <= columns; at++) line.add(rows.getMetaData().getColumnLabel(at));
            System.out.println(String.join(",", line));
            while (rows.next()) {
                line.clear();
                for (int at = 1; at <= columns; at++) line.add(rows.getString(at));
                System.out.println(String.join(",", line));
            }
        }
    }
}
