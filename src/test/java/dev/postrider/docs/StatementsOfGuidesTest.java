package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Guide;
import dev.postrider.testkit.MigratedDatabase;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** The statements of guides do, as the login they are for, what stands behind them. */
class StatementsOfGuidesTest {

    @ParameterizedTest
    @CsvSource({"operating-the-queue.md, operator, 11", "books.md, operator, 6", "tasks.md, tenant, 12"})
    void the_statements_answer_what_the_guide_says(String guide, String role, int count) {
        MigratedDatabase database = MigratedDatabase.create();
        database.sql()
                .queryForList("select postrider.create_workspace('demo', '00000000-0000-7000-8000-0000000000de')");
        SingleConnectionDataSource psql = new SingleConnectionDataSource(
                database.location().directUrl(),
                "postrider_%s_login".formatted(role),
                database.secrets().rolePassword(role),
                true);
        try {
            JdbcTemplate connection = new JdbcTemplate(psql);
            List<Guide.Command> commands = Guide.commands(guide);
            assertThat(commands).hasSize(count);
            for (Guide.Command command : commands) {
                assertThat(Guide.answer(connection, command.sql()))
                        .as(command.sql())
                        .contains(command.answer())
                        .matches(answer -> !command.answer().isEmpty() || !answer.startsWith("refused"));
            }
        } finally {
            psql.destroy();
        }
    }
}
