package dev.postrider.bench.rivals;

import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;

/** What the processes of several rivals need. */
final class Pools {

    private Pools() {}

    /** @param arguments URL, user name and password */
    static HikariDataSource of(String[] arguments, int connections) {
        HikariDataSource dataSource = new HikariDataSource();
        dataSource.setJdbcUrl(arguments[0]);
        dataSource.setUsername(arguments[1]);
        dataSource.setPassword(arguments[2]);
        dataSource.setMaximumPoolSize(connections);
        return dataSource;
    }

    /** Of the jar that a class came in. */
    static String version(Class<?> type) {
        String jar = Path.of(
                        type.getProtectionDomain().getCodeSource().getLocation().getPath())
                .getFileName()
                .toString();
        return jar.replaceFirst("^[a-z-]+-", "").replaceFirst("\\.jar$", "");
    }
}
