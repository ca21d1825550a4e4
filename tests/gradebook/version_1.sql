PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE moelab_schema (
	version INTEGER NOT NULL, 
	CONSTRAINT pk_moelab_schema PRIMARY KEY (version)
);
INSERT INTO moelab_schema VALUES(1);
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	assignment VARCHAR(200) NOT NULL, 
	course_revision VARCHAR(200) NOT NULL, 
	seed TEXT NOT NULL, 
	isolation VARCHAR(40) NOT NULL, 
	models JSON NOT NULL, 
	started DATETIME NOT NULL
);
INSERT INTO runs VALUES(1,'moe_router_analysis','rev-1','a seed','namespaces','["tiny"]','2026-11-26 02:53:03.193840');
CREATE TABLE attempts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id INTEGER NOT NULL, 
	submission TEXT NOT NULL, 
	student TEXT NOT NULL, 
	digest VARCHAR(200) NOT NULL, 
	readable BOOLEAN NOT NULL, 
	notes JSON NOT NULL, 
	recorded DATETIME NOT NULL, 
	CONSTRAINT uq_attempts_run_id_submission UNIQUE (run_id, submission), 
	CONSTRAINT fk_attempts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT ck_attempts_readable CHECK (readable IN (0, 1))
);
INSERT INTO attempts VALUES(1,1,'ada-1.ipynb','ada','sha256:1',1,'["does not count: the same student''s newest submission is ada-2.ipynb"]','2026-11-26 02:53:03.253861');
INSERT INTO attempts VALUES(2,1,'ada-2.ipynb','ada','sha256:2',1,'[]','2026-11-26 02:53:03.301854');
CREATE TABLE exercise_results (
	id INTEGER NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	CONSTRAINT pk_exercise_results PRIMARY KEY (id), 
	CONSTRAINT uq_exercise_results_attempt_id_position UNIQUE (attempt_id, position), 
	CONSTRAINT uq_exercise_results_attempt_id_name UNIQUE (attempt_id, name), 
	CONSTRAINT fk_exercise_results_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id)
);
INSERT INTO exercise_results VALUES(1,1,0,'find_router_layers');
INSERT INTO exercise_results VALUES(2,1,1,'route');
INSERT INTO exercise_results VALUES(3,2,0,'find_router_layers');
INSERT INTO exercise_results VALUES(4,2,1,'route');
CREATE TABLE check_results (
	id INTEGER NOT NULL, 
	exercise_result_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	title TEXT NOT NULL, 
	hidden BOOLEAN NOT NULL, 
	points FLOAT NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	message TEXT NOT NULL, 
	misconception TEXT, 
	seconds FLOAT NOT NULL, 
	CONSTRAINT pk_check_results PRIMARY KEY (id), 
	CONSTRAINT uq_check_results_exercise_result_id_position UNIQUE (exercise_result_id, position), 
	CONSTRAINT uq_check_results_exercise_result_id_name UNIQUE (exercise_result_id, name), 
	CONSTRAINT fk_check_results_exercise_result_id_exercise_results FOREIGN KEY(exercise_result_id) REFERENCES exercise_results (id), 
	CONSTRAINT ck_check_results_hidden CHECK (hidden IN (0, 1))
);
INSERT INTO check_results VALUES(1,1,0,'public_check','Title of public_check',0,2.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(2,1,1,'hidden_check','Title of hidden_check',1,8.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(3,2,0,'public_check','Title of public_check',0,2.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(4,2,1,'hidden_check','Title of hidden_check',1,8.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(5,3,0,'public_check','Title of public_check',0,2.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(6,3,1,'hidden_check','Title of hidden_check',1,8.0,'passed','',NULL,0.25);
INSERT INTO check_results VALUES(7,4,0,'public_check','Title of public_check',0,2.0,'failed','public_check: failed','Divides by the tokens.',0.25);
INSERT INTO check_results VALUES(8,4,1,'hidden_check','Title of hidden_check',1,8.0,'failed','hidden_check: failed','Divides by the tokens.',0.25);
CREATE INDEX ix_runs_assignment ON runs (assignment);
COMMIT;
