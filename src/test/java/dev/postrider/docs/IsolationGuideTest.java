package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The commands of docs/guides/isolation.md answer what stands behind them. */
class IsolationGuideTest {

    @Test
    void the_commands_answer_what_the_guide_says() throws Exception {
        MigratedDatabase database = MigratedDatabase.create();
        database.sql()
                .queryForList("select postrider.create_workspace('demo', '00000000-0000-7000-8000-0000000000de')");
        database.newWorkspace();
        String guide = Files.readString(Path.of("docs/guides/isolation.md"));
        String commands = guide.split("```sql\n")[1].split("```")[0];
        int checked = 0;
        try (Connection psql = DriverManager.getConnection(
                        database.location().url(),
                        database.location().username(),
                        database.location().password());
                Statement statement = psql.createStatement()) {
            for (MatchResult command : Pattern.compile("(?m)^(.+?);(?: -- (.+))?$")
                    .matcher(commands)
                    .results()
                    .toList()) {
                String answer = answer(statement, command.group(1));
                String expected = command.group(2);
                if (expected != null) {
                    assertThat(answer).as(command.group(1)).contains(expected);
                    checked++;
                }
            }
        }
        assertThat(checked).isEqualTo(6);
    }

    /** The first column, as people would read it. */
    private static String answer(Statement statement, String sql) {
        try {
            if (!statement.execute(sql)) {
                return "";
            }
            StringBuilder answer = new StringBuilder();
            for (ResultSet rows = statement.getResultSet(); rows.next(); ) {
                answer.append(rows.getString(1)).append('\n');
            }
            return answer.isEmpty() ? "no rows" : answer.toString();
        } catch (SQLException e) {
            return e.getMessage();
        }
    }
}
