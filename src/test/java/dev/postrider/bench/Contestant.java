package dev.postrider.bench;

/** A queue that is filled while its workers rest, and drained from the moment they start; used by one thread. */
interface Contestant extends AutoCloseable {

    /** What the tables call it. */
    String name();

    /** How it is set up, for people. */
    String settings() throws Exception;

    /** Adds no-op tasks of 200 bytes. */
    void fill(int tasks) throws Exception;

    void start() throws Exception;

    /** How many tasks its handlers have had since the start; cheap to ask. */
    long handled() throws Exception;

    /** Whether the database says that every task has ended. */
    boolean isDrained() throws Exception;

    void stop() throws Exception;

    /** The processor time of its own processes so far, in microseconds, without that of the database. */
    double cpu() throws Exception;

    /** Lets the database rest before the next drain: no dead rows, statistics, nothing left to write. */
    void tidy() throws Exception;

    @Override
    void close();
}
