package dev.postrider.queue;

import dev.postrider.database.SqlFile;

/** The statements that end attempts. */
record QueueStatements(String finish, String end, String releaseUnheard, String retire) {

    static QueueStatements load() {
        return new QueueStatements(
                SqlFile.read("queries/finish-tasks.sql"),
                SqlFile.read("queries/end-attempts.sql"),
                SqlFile.read("queries/release-unheard.sql"),
                SqlFile.read("queries/retire-node.sql"));
    }
}
