/** Networks, volumes, pods and secrets. */
export const objects: Readonly<Record<string, string>> = {
  "A container run with -v name:/path makes one.": "-v 이름:/경로 옵션으로 컨테이너를 실행하면 만들어집니다.",
  Anonymous: "익명",
  "Compose makes one for each project.": "Compose는 프로젝트마다 하나씩 만듭니다.",
  "Containers get them as files, and no image, log or command line holds them.":
    "컨테이너에는 파일로 전해지며, 이미지·로그·명령줄 어디에도 남지 않습니다.",
  "Containers lose their addresses on it. It stays while containers use it.":
    "컨테이너가 이 네트워크의 주소를 잃습니다. 쓰는 컨테이너가 있으면 지워지지 않습니다.",
  "Containers that run and the networks that join them. Those on one network reach each other by name; point at one to see whom it reaches.":
    "실행 중인 컨테이너와 이를 잇는 네트워크입니다. 같은 네트워크에서는 이름으로 서로 통합니다. 하나를 가리키면 닿는 상대가 보입니다.",
  Driver: "드라이버",
  "Export to a file": "파일로 내보내기",
  "Give it new data": "새 데이터로 바꾸기",
  "Import from a file": "파일에서 가져오기",
  "Its data is lost. Containers that have it as a file keep it.":
    "데이터가 사라집니다. 파일로 받은 컨테이너에는 남습니다.",
  "On none of these networks": "이 네트워크 어디에도 없음",
  Place: "위치",
  Pods: "파드",
  "Run a container in it": "안에서 컨테이너 실행",
  Secrets: "시크릿",
  State: "상태",
  Subnets: "서브넷",
  "The containers of a pod share their network and are started and stopped together.":
    "파드의 컨테이너는 네트워크를 함께 쓰고 같이 시작하고 멈춥니다.",
  "Way out": "외부 연결",
  "What is stored in it is lost. It stays while containers use it.":
    "안에 저장한 내용이 사라집니다. 쓰는 컨테이너가 있으면 지워지지 않습니다.",
  "Who reaches whom": "연결 그림",
  anonymous: "익명",
  "changed {span} ago": "{span} 전에 바뀜",
  empty: "비어 있음",
  "no way out": "외부 연결 없음",
  "reaches no other": "닿는 상대 없음",
  "reaches {names}": "{names}에 닿음",
};
